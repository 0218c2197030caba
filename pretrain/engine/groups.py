"""Optimiser groups: which parameters decay, and with what learning rate each layer trains."""

import copy
import fnmatch
from collections.abc import Callable

import torch
from mmengine.model import is_model_wrapper
from mmengine.registry import OPTIMIZERS
from torch import nn

from pretrain.errors import ConfigError
from pretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS

TOKENS = ('cls_token', 'reg_token', 'pos_embed')
WORDS = {
    '1d': lambda name, parameter: parameter.ndim <= 1,
    'tokens': lambda name, parameter: name.rpartition('.')[2] in TOKENS,
}
"""Words of `no_decay` that are no name patterns."""


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ParamGroups:
    """Builds the optimiser wrapper of a model with one group per (learning-rate factor, weight decay).

    `paramwise_cfg`:
        no_decay: name patterns (`*.cls_token`) whose weight decay is 0. Two words stand for kinds of tensors, of which
            a model may have none: '1d' for all with at most one axis, that is biases, norms and LayerScale; 'tokens'
            for prefix tokens and absolute positions (MAE's and BEiT's fine-tuning).
        lr_mult: {pattern: factor} on the learning rate; the first match counts.
        layer_decay: factor per layer. The model, or its `backbone`, must offer `layer_id(name) -> int` and
            `num_layers`; a parameter of layer i trains with `layer_decay ** (num_layers - i)`, the last layer and all
            that is not in the backbone with 1 (BEiT).

    Every group carries `lr_scale`, which the loop multiplies with the scheduled learning rate. A pattern that matches
    no parameter is a ConfigError: it is a typing mistake.
    """

    KEYS = ('no_decay', 'lr_mult', 'layer_decay')

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None):
        self.wrapper = copy.deepcopy(dict(optim_wrapper_cfg))
        self.optimizer = dict(self.wrapper.pop('optimizer'))
        self.rules = dict(paramwise_cfg or {})
        unknown = set(self.rules) - set(self.KEYS)
        if unknown:
            raise ConfigError(f'paramwise_cfg has unknown keys {sorted(unknown)}; allowed: {", ".join(self.KEYS)}')

    def __call__(self, model: nn.Module):
        model = model.module if is_model_wrapper(model) else model
        groups = param_groups(model, self.optimizer['lr'], self.optimizer.get('weight_decay', 0.0), self.rules)
        kind = OPTIMIZERS.get(self.optimizer['type'])
        if kind is None:
            raise ConfigError(f'unknown optimizer {self.optimizer["type"]!r}')
        args = {k: v for k, v in self.optimizer.items() if k != 'type'}
        if kind is torch.optim.AdamW:
            args.setdefault('fused', True)
        self.wrapper.setdefault('type', 'GuardedOptimWrapper')
        return OPTIM_WRAPPERS.build(dict(self.wrapper, optimizer=kind(groups, **args)))


def param_groups(model: nn.Module, lr: float, weight_decay: float, rules: dict) -> list[dict]:
    """The groups, in the order in which their first parameter appears; names are kept in `names`."""
    lr_mult, no_decay = dict(rules.get('lr_mult', {})), list(rules.get('no_decay', ['1d']))
    scale_of = _layer_scale(model, rules.get('layer_decay'))
    unused = set(no_decay) | set(lr_mult)
    groups: dict[tuple[float, float], dict] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            unused -= {p for p in unused if fnmatch.fnmatchcase(name, p)}
            continue
        decays = True
        for pattern in no_decay:
            if WORDS[pattern](name, parameter) if pattern in WORDS else fnmatch.fnmatchcase(name, pattern):
                decays = False
                unused.discard(pattern)
        factors = [pattern for pattern in lr_mult if fnmatch.fnmatchcase(name, pattern)]
        unused -= set(factors)
        scale = scale_of(name) * (lr_mult[factors[0]] if factors else 1.0)
        decay = weight_decay if decays else 0.0
        fresh = {'params': [], 'names': [], 'lr': lr * scale, 'lr_scale': scale, 'weight_decay': decay}
        group = groups.setdefault((scale, decay), fresh)
        group['params'].append(parameter)
        group['names'].append(name)
    unused -= set(WORDS)
    if unused:
        raise ConfigError(f'paramwise_cfg patterns match no parameter: {sorted(unused)}')
    return list(groups.values())


def _layer_scale(model: nn.Module, decay: float | None) -> Callable[[str], float]:
    if decay is None:
        return lambda name: 1.0
    if hasattr(model, 'layer_id'):
        part, prefix = model, ''
    else:
        part, prefix = getattr(model, 'backbone', None), 'backbone.'
    if part is None or not hasattr(part, 'layer_id'):
        raise ConfigError('paramwise_cfg.layer_decay: neither the model nor its backbone has layers (`layer_id`)')
    last = int(part.num_layers)
    return lambda name: decay ** (last - part.layer_id(name.removeprefix(prefix))) if name.startswith(prefix) else 1.0


def describe(groups: list[dict]) -> str:
    """The groups as a table: factor, weight decay, tensors, parameters, an example."""
    lines = ['lr factor  weight decay  tensors   parameters  first']
    for g in sorted(groups, key=lambda g: (g['lr_scale'], g['weight_decay'])):
        count = sum(p.numel() for p in g['params'])
        row = f'{g["lr_scale"]:9.4g}  {g["weight_decay"]:12g}  {len(g["params"]):7d}  {count:11,d}'
        lines.append(f'{row}  {g["names"][0]}')
    return '\n'.join(lines)

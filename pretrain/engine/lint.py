"""Config lint: a misspelt or unused key is an error before training starts."""

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.registry import MODEL_WRAPPERS, OPTIMIZERS, TASK_UTILS, VISBACKENDS, VISUALIZERS

from pretrain.engine.hooks import DEFAULT_HOOKS
from pretrain.engine.sharding import FULLY_SHARD
from pretrain.errors import ConfigError
from pretrain.registry import (
    DATASETS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
    TASKS,
    TRANSFORMS,
)

TOP_LEVEL = {
    'task': 'what a transfer measures, and how (transfer configs)',
    'model': 'what is trained',
    'train_dataloader': 'training data, batch per process, workers',
    'val_dataloader': 'evaluation data',
    'train_cfg': 'length and effective batch',
    'optim_wrapper': 'optimiser, precision, clipping, decay groups',
    'param_scheduler': 'learning-rate schedule',
    'default_hooks': 'changes to the standard hooks',
    'custom_hooks': 'further hooks',
    'protocol': 'what a score means (transfer configs)',
    'recipe': 'facts about the recipe: method, epochs, data, source',
    'randomness': 'dict(seed=...)',
    'visualizer': 'TensorBoard, W&B, MLflow back ends',
    'env_cfg': 'process groups',
    'model_wrapper_cfg': 'DDP or FSDP',
    'sync_bn': 'synchronised batch norm',
    'find_unused_parameters': 'for DDP',
    'compile': 'torch.compile arguments',
    'custom_imports': 'modules to import first',
    'default_scope': 'registry scope of an OpenMMLab framework',
    'log_level': 'of the logger',
}
"""Keys that a config may have, and what they are for."""

REGISTRIES: tuple = (
    MODELS,
    DATASETS,
    TRANSFORMS,
    HOOKS,
    LOOPS,
    METRICS,
    OPTIM_WRAPPERS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    PARAM_SCHEDULERS,
    OPTIMIZERS,
    VISUALIZERS,
    VISBACKENDS,
    MODEL_WRAPPERS,
    TASK_UTILS,
)
LOADING = ('batch_size', 'num_workers', 'prefetch_factor', 'start_method', 'pin_memory')
"""Keys of a loader beside its data set. They do not change what is trained: the effective batch is in `train_cfg`."""
SECTIONS = {
    'train_dataloader': ('dataset', *LOADING),
    'val_dataloader': ('dataset', *LOADING),
    'recipe': ('method', 'epochs', 'data', 'teacher_data', 'published', 'source'),
    'randomness': ('seed',),
}
"""Keys of the sections that have no `type`."""
NAMED_ELSEWHERE = ('roi_layer', 'nms')
"""Keys whose `type` is a name in mmcv.ops, not in a registry."""
ALLOWED_ELSEWHERE = {'constructor', 'paramwise_cfg', 'type', '_scope_', '_delete_'}


def check_keys(cfg: Mapping) -> None:
    """Raise ConfigError for a top-level key that nothing reads, an unknown `type`, or an argument it does not take."""
    for key in cfg:
        if key not in TOP_LEVEL:
            raise ConfigError(f'config key {key!r} is read by nothing{_near(key, TOP_LEVEL)}')
    for section, known in SECTIONS.items():
        for key in cfg.get(section) or ():
            if key not in known:
                raise ConfigError(f'{section}.{key} is read by nothing{_near(key, known)}')
    for key, value in cfg.items():
        if key == 'default_hooks':
            value = {name: {**DEFAULT_HOOKS.get(name, {}), **hook} for name, hook in value.items() if hook is not None}
        if key == 'model_wrapper_cfg' and value == {'type': FULLY_SHARD}:
            continue
        _check(value, key)


def _check(value, path: str) -> None:
    if isinstance(value, Mapping):
        if isinstance(value.get('type'), str):
            _check_call(value, path)
        for key, child in value.items():
            if key not in NAMED_ELSEWHERE:
                _check(child, f'{path}.{key}')
    elif isinstance(value, (list, tuple)):
        for i, child in enumerate(value):
            _check(child, f'{path}.{i}')


def _check_call(cfg: Mapping, path: str) -> None:
    kind = find_type(cfg['type'])
    if kind is None:
        names = [name for registry in (TASKS, *REGISTRIES) for name in _known(registry)]
        raise ConfigError(f'{path}.type is {cfg["type"]!r}, which is not registered{_near(cfg["type"], names)}')
    taken, is_open = arguments(kind)
    for key in cfg:
        if key not in taken and key not in ALLOWED_ELSEWHERE and not is_open:
            raise ConfigError(f'{path}.{key}: {cfg["type"]} takes no such argument{_near(key, taken)}')


def find_type(name: str) -> Any:
    """The class or function that a config's `type` means in the current default scope; None if there is none."""
    if name in TASKS:
        return TASKS.get(name)
    for registry in REGISTRIES:
        with registry.switch_scope_and_registry(None) as chosen:
            found = chosen.get(name)
        if found is not None:
            return found
    return None


def _known(registry: Any) -> list[str]:
    with registry.switch_scope_and_registry(None) as chosen:
        return [*registry.module_dict, *chosen.module_dict]


def arguments(kind) -> tuple[set[str], bool]:
    """Names that a class or function takes, through `**kwargs` of its bases too, and whether it takes any others.

    A class whose config has keys that its constructor does not see lists them as `CONFIG_KEYS`.
    """
    names: set[str] = set(getattr(kind, 'CONFIG_KEYS', ()))
    for cls in inspect.getmro(kind) if inspect.isclass(kind) else (kind,):
        if inspect.isclass(cls) and '__init__' not in vars(cls):
            continue
        parameters = inspect.signature(cls.__init__ if inspect.isclass(cls) else cls).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names - {'self'}, False
    return names - {'self'}, True


def _near(word: str, among: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(among), n=1)
    return f'; did you mean {close[0]!r}?' if close else ''

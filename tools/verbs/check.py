"""`mimbench list configs --check`: does every config load, build and keep its promises? No data is needed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OLD_KEYS = {
    'data': 'train_dataloader and val_dataloader',
    'runner': 'train_cfg',
    'lr_config': 'param_scheduler',
    'optimizer': 'optim_wrapper.optimizer',
    'optimizer_config': 'optim_wrapper',
    'fp16': 'optim_wrapper.precision',
    'evaluation': 'custom_hooks with an EvalHook',
    'checkpoint_config': 'default_hooks.save',
    'log_config': 'default_hooks.metrics and visualizer',
}
"""Top-level keys of MMDetection 2 and MMSegmentation 0, and what took their place."""
OLD_NAMES = {
    'flip_ratio': 'prob',
    'img_scale': 'scale or scales',
    'samples_per_gpu': 'batch_size',
    'workers_per_gpu': 'num_workers',
    'img_prefix': 'data_prefix',
    'DefaultFormatBundle': 'PackDetInputs or PackSegInputs',
    'Collect': 'PackDetInputs or PackSegInputs',
    'Normalize': 'data_preprocessor',
    'MultiScaleFlipAug': 'a plain val pipeline',
    'EpochBasedRunner': 'TrainLoop',
    'IterBasedRunner': 'TrainLoop',
}
"""Arguments and types of the same."""


def check_config(path: Path, build: bool = True) -> str | None:
    """What is wrong with a config, with file and line where they can be found; None for nothing.

    With `build` its model is built on the meta device, and the shape of an image sent through it.

    Raises FileNotFoundError for a config that needs the result of another one to be built.
    """
    from mmengine.registry import DefaultScope

    from pretrain.engine.derive import derive
    from pretrain.engine.launch import load_config
    from pretrain.engine.lint import check_keys
    from pretrain.errors import UserError
    from pretrain.registry import register_all
    from tools.verbs.list import parse_name

    register_all()
    for file in with_bases(path):
        for line, name, now in _old_names(file):
            return f'{file}:{line}: {name} is a name of MMDetection 2 or MMSegmentation 0; it is now {now}'
    try:
        cfg = load_config(path)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
            check_keys(cfg)
            if build:
                _build(cfg)
        fields = parse_name(path.stem)
        if 'train_cfg' in cfg and fields and path.parent.name != 'mini':
            derived = derive(cfg, fields['gpus'])
            if derived.batch_size != fields['batch']:
                place = _place(path, 'train_dataloader.batch_size')
                return (
                    f'{place}: the name says {fields["gpus"]} x {fields["batch"]}, but {fields["gpus"]} GPUs need '
                    f'{derived.batch_size} each for the effective batch of {derived.effective_batch}'
                )
    except UserError as error:
        key = re.match(r'[\w.]+', str(error))
        return f'{_place(path, key[0] if key else "")}: {error}'
    return None


def with_bases(path: Path) -> list[Path]:
    """A config and all that it inherits from, itself first."""
    found = [path]
    for node in ast.parse(path.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_base_':
            bases = ast.literal_eval(node.value)
            for base in [bases] if isinstance(bases, str) else bases:
                found += with_bases(path.parent / base)
    return found


def _build(cfg: Any) -> None:
    """The model of a config on the meta device."""
    import torch

    from pretrain.registry import MODELS, build_task

    if 'task' in cfg:
        build_task(cfg.task).check(cfg)
        return
    for target in cfg.model.target if isinstance(cfg.model.get('target'), list) else [cfg.model.get('target', {})]:
        tokenizer = target.get('tokenizer')
        if isinstance(tokenizer, str) and not Path(tokenizer).exists():  # a dict says its architecture itself
            raise FileNotFoundError(tokenizer)
    with torch.device('meta'):
        MODELS.build(cfg.model)


def _old_names(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, old name and new name of every key or `type` that is out of use."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') in OLD_KEYS:
            name = node.targets[0].id  # type: ignore[attr-defined]
            yield node.lineno, name, OLD_KEYS[name]
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            value = node.value.value if node.arg == 'type' and isinstance(node.value, ast.Constant) else None
            for name in (node.arg, value):
                if name in OLD_NAMES:
                    yield node.value.lineno, str(name), OLD_NAMES[name]


def _place(path: Path, key: str) -> str:
    """`file:line` of a dotted key, in the first file of the inheritance that has it or the longest part of it."""
    best, depth = f'{path}:1', 0
    for file in with_bases(path):
        for node in ast.parse(file.read_text(encoding='utf-8')).body:
            if not isinstance(node, ast.Assign) or getattr(node.targets[0], 'id', '') != key.split('.')[0]:
                continue
            line, found = _follow(node.value, key.split('.')[1:], node.lineno)
            if found + 1 > depth:
                best, depth = f'{file}:{line}', found + 1
    return best


def _follow(value: ast.expr, keys: list[str], line: int) -> tuple[int, int]:
    """Line of the deepest of `keys` that can be followed into an expression, and how many that are."""
    if not keys:
        return line, 0
    if isinstance(value, ast.Call):
        for keyword in value.keywords:
            if keyword.arg == keys[0]:
                last, depth = _follow(keyword.value, keys[1:], keyword.value.lineno)
                return last, depth + 1
    if isinstance(value, (ast.List, ast.Tuple)) and keys[0].isdigit() and int(keys[0]) < len(value.elts):
        last, depth = _follow(value.elts[int(keys[0])], keys[1:], value.elts[int(keys[0])].lineno)
        return last, depth + 1
    return line, 0

"""Tensors out of a pickled torch file, without running anything that is in it.

OpenAI published its encoder as a pickled module. torch's weights-only reader refuses the module's classes; here each is
replaced by an empty shell of the same name, which holds the attributes of the pickle and has no behaviour, and the
tensors are collected from the shells. No class of the file, and none of torch's modules, is ever imported or called.
"""

import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretrain.errors import CheckpointError
from pretrain.tokenizers.legacy import read_legacy

_SHELLS = (
    ('dall_e.encoder', ('Encoder', 'EncoderBlock')),
    ('dall_e.utils', ('Conv2d',)),
    ('torch.nn.modules.container', ('Sequential',)),
    ('torch.nn.modules.activation', ('ReLU',)),
    ('torch.nn.modules.pooling', ('MaxPool2d',)),
    ('torch.nn.modules.linear', ('Identity',)),
)
_DAMAGED = (RuntimeError, EOFError, KeyError, ValueError, IndexError, TypeError, AttributeError, OSError)


class _Shell:
    """What a pickled module becomes: its `__dict__` and nothing else."""


def read_pickled_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dict or of a pickled DALL-E encoder, by name.

    Raises CheckpointError when the file names any other class or function, is damaged, or holds no tensors.
    """
    shells: list = [type(name, (_Shell,), {'__module__': module}) for module, names in _SHELLS for name in names]
    try:
        content = _read_zip(path, shells) if zipfile.is_zipfile(path) else read_legacy(path, shells)
    except pickle.UnpicklingError as error:
        line = next((line.strip() for line in str(error).splitlines() if 'GLOBAL' in line), None)
        if line is None:
            raise CheckpointError(f'{path}: damaged, or no torch file; copy or download it again') from error
        raise CheckpointError(f'{path}: refused, because opening it could run code ({line})') from error
    except _DAMAGED as error:
        raise CheckpointError(f'{path}: damaged, or no torch file ({type(error).__name__})') from error
    state = dict(_walk(content, '')) if isinstance(content, _Shell) else content
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f'{path}: holds a {type(content).__name__}, no tokenizer; expected named tensors')
    return {name: value.detach() for name, value in state.items()}


def _read_zip(path: Path, shells: list) -> Any:
    with torch.serialization.safe_globals(shells):
        return torch.load(path, map_location='cpu', weights_only=True)


def _walk(shell: _Shell, prefix: str) -> Iterator[tuple[str, Tensor]]:
    attributes = vars(shell)
    for kind in ('_parameters', '_buffers'):
        for name, value in attributes.get(kind, {}).items():
            if value is not None:
                yield prefix + name, value
    for name, child in attributes.get('_modules', {}).items():
        if isinstance(child, _Shell):
            yield from _walk(child, f'{prefix}{name}.')

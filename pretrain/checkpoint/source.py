"""A foreign checkpoint file opened and unwrapped: the flat table of named tensors that readers look at."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretrain.checkpoint.unpickle import load_file
from pretrain.errors import CheckpointError

# Under which name a training script keeps the weights; the first one found is taken.
WRAPPERS = ('model_state', 'module', 'state_dict', 'model', 'base_model', 'model_state_dict')
# What DistributedDataParallel and torch.compile put before every name.
PREFIXES = ('module.', '_orig_mod.')


@dataclass
class Source:
    """One state dict of a file, with what stands around it.

    Attributes:
        state: tensor by name, without wrapper prefixes.
        dropped: reason by name, for whatever of the file is not in `state`.
        wrappers: the keys that led to the state dict, outermost first: `('model',)`, `('teacher',)`.
        around: the entries beside the state dict, tensors and tables of tensors left out (`args`, `config`, `epoch`).
        config: Hugging Face's `config.json` lying beside the file, `{}` when there is none.
        processor: `preprocessor_config.json`, likewise.
        hints: architecture arguments given by the user; they win over anything inferred.
    """

    path: Path
    state: dict[str, Tensor]
    dropped: dict[str, str] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    around: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    processor: dict[str, Any] = field(default_factory=dict)
    hints: dict[str, Any] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Whether every name is present; a name that ends in `.` asks for any tensor below it."""
        return all(
            name in self.state or (name.endswith('.') and any(k.startswith(name) for k in self.state)) for name in names
        )

    @property
    def epochs(self) -> int | None:
        """Finished epochs, where the file counts them from zero as MAE, BEiT and SimMIM do."""
        epoch = self.around.get('epoch')
        return epoch + 1 if isinstance(epoch, int) and not isinstance(epoch, bool) and epoch >= 0 else None


def open_source(path: str | os.PathLike, student: bool = False, hints: dict | None = None) -> Source:
    """Read `path` and unwrap it down to its state dict.

    Args:
        student: of a file that holds a teacher and a student, take the student.
        hints: architecture arguments given by the user.

    Raises CheckpointError when the file cannot be read, holds no state dict, or holds NaN or infinity.
    """
    path = Path(path)
    content = load_file(path)
    source = Source(path, {}, hints=dict(hints or {}))
    table = _unwrap(content, source, student)
    table = _strip(table, path)
    source.state = {name: value for name, value in table.items() if isinstance(value, Tensor)}
    source.dropped.update({n: 'not a tensor' for n, v in table.items() if not isinstance(v, Tensor)})
    if not source.state:
        raise CheckpointError(f'{path} holds no tensors; expected the state dict of a network')
    source.config = _beside(path, 'config.json')
    source.processor = _beside(path, 'preprocessor_config.json')
    require_finite(source.state, path)
    return source


def require_finite(state: Mapping[str, Tensor], path: str | os.PathLike) -> None:
    """Raise CheckpointError naming the first tensors with NaN or infinity."""
    bad = [n for n, t in state.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if bad:
        raise CheckpointError(
            f'{path} has NaN or infinity in {len(bad)} of {len(state)} tensors ({", ".join(bad[:3])}); '
            'the training diverged or the file is damaged: use an earlier checkpoint'
        )


def _unwrap(content: Any, source: Source, student: bool) -> dict[str, Any]:
    """Follow the wrapper keys to the state dict; note in `source` what was passed on the way."""
    path = source.path
    if not isinstance(content, Mapping):
        raise CheckpointError(f'{path} holds a {type(content).__name__}, not a state dict; expected a dict of tensors')
    pair_seen = False
    while True:
        chosen, reason = _inner(content, student)
        if chosen is None:
            break
        pair_seen = pair_seen or chosen in ('teacher', 'student')
        for name, value in content.items():
            if name == chosen:
                continue
            if name in ('teacher', 'student') and _is_table(value):
                source.dropped.update({f'{name}.{inner}': reason for inner in value})
            elif _holds_tensors(value):
                source.dropped[str(name)] = 'beside the weights: training state or another copy'
            else:
                source.around[str(name)] = value
        source.wrappers += (chosen,)
        content = content[chosen]
    if student and not pair_seen:
        raise CheckpointError(f'{path} holds no teacher and student pair; leave out --student')
    if not all(isinstance(name, str) for name in content):
        raise CheckpointError(f'{path} is not a state dict: its names are not strings')
    return dict(content)


def _inner(content: Mapping, student: bool) -> tuple[str | None, str]:
    """The key to descend into, and why its twin is left out."""
    if _is_table(content.get('teacher')) and _is_table(content.get('student')):
        if student:
            return 'student', 'the teacher copy; the student was asked for'
        return 'teacher', 'the student copy; --student reads it'
    if any(isinstance(value, Tensor) for value in content.values()):
        return None, ''
    for key in WRAPPERS:
        if isinstance(content.get(key), Mapping) and _holds_tensors(content[key]):
            return key, ''
    return None, ''


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(v, Tensor) for v in value.values())


def _holds_tensors(value: Any, depth: int = 4) -> bool:
    if isinstance(value, Tensor):
        return True
    if depth == 0:
        return False
    if isinstance(value, Mapping):
        return any(_holds_tensors(v, depth - 1) for v in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_tensors(v, depth - 1) for v in value)
    return False


def _strip(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """Remove `module.` and `_orig_mod.` from all names, or from none."""
    for prefix in PREFIXES:
        without = [name for name in table if not name.startswith(prefix)]
        if len(without) > len(table) // 2:
            continue
        if without:
            raise CheckpointError(
                f'{path} mixes names with and without the prefix {prefix!r}: {without[0]!r} has none; repair that name'
            )
        table = {name[len(prefix) :]: value for name, value in table.items()}
    return table


def _beside(path: Path, name: str) -> dict[str, Any]:
    """A JSON object lying beside the checkpoint, `{}` when there is none or it is something else."""
    file = path.parent / name
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f'{file} beside the checkpoint is not valid JSON ({error}); repair or remove it'
        ) from error
    return content if isinstance(content, dict) else {}

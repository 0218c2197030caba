"""A foreign checkpoint file opened and unwrapped: the flat table of named tensors that readers look at."""

import json
import os
import re
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
_SHARD = re.compile(r'-(\d+)-of-(\d+)\.\w+$')
# What weights are stored in. Other floating-point kinds (float8) and packed integers need scales that no reader knows.
WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


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

    Raises CheckpointError when the file cannot be read, is one of several shards, holds no state dict, weights of a
    type that cannot be read, or NaN or infinity.
    """
    path = Path(path)
    _refuse_shard(path)
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
    """Raise CheckpointError naming a tensor of a type that no weights have, or the first with NaN or infinity."""
    for name, tensor in state.items():
        _require_readable(name, tensor, path)
    bad = [n for n, t in state.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if bad:
        raise CheckpointError(
            f'{path} has NaN or infinity in {len(bad)} of {len(state)} tensors ({", ".join(bad[:3])}); '
            'the training diverged or the file is damaged: use an earlier checkpoint'
        )


def _require_readable(name: str, tensor: Tensor, path: str | os.PathLike) -> None:
    """Counters and indices may be integers; what is called weight or bias may not."""
    if tensor.is_meta:
        raise CheckpointError(f'{path}: {name} has a shape but no values (meta device); save the network after loading')
    counted = tensor.dtype in _INTEGERS and name.rpartition('.')[2] not in ('weight', 'bias')
    if tensor.dtype not in WEIGHT_TYPES and not counted:
        raise wrong_type(name, tensor, path)


def wrong_type(name: str, tensor: Tensor, path: str | os.PathLike) -> CheckpointError:
    """The error for weights stored in a type that cannot be read as they are."""
    kind = str(tensor.dtype).removeprefix('torch.')
    return CheckpointError(
        f'{path}: {name} is stored as {kind}, which is no type of weights here; '
        'save the network as float32, float16 or bfloat16 (a quantised one before it was quantised)'
    )


def _refuse_shard(path: Path) -> None:
    """Depth is read from the tensors, so a part of a network could pass for a shallower one: no part is read."""
    found = _SHARD.search(path.name)
    if found and int(found.group(2)) > 1:
        raise CheckpointError(
            f'{path} is one of {int(found.group(2))} shards (number {int(found.group(1))}), only a part of the '
            'weights; merge all of them into one file first (save_pretrained with a larger max_shard_size, or '
            'safetensors), and give a complete file another name'
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
            elif _is_scalar(value):
                source.dropped[str(name)], source.around[str(name)] = 'a number beside the weights', value.item()
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
    flat = any(isinstance(value, Tensor) and not _is_scalar(value) for value in content.values())
    for key in WRAPPERS:
        inner = content.get(key)
        # Beside scalars (an epoch, an accuracy) any wrapper is one; beside larger tensors only a table of tensors is.
        if isinstance(inner, Mapping) and (_is_table(inner) if flat else _holds_tensors(inner)):
            return key, ''
    return None, ''


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(v, Tensor) for v in value.values())


def _is_scalar(value: Any) -> bool:
    """Whether a value is a tensor of one number that can be read."""
    return isinstance(value, Tensor) and value.dim() == 0 and not value.is_meta and value.layout is torch.strided


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
    """Remove `module.` and `_orig_mod.`, as often as they were put before all names, or from none."""
    while prefix := _common_prefix(table):
        without = [name for name in table if not name.startswith(prefix)]
        if without:
            raise CheckpointError(
                f'{path} mixes names with and without the prefix {prefix!r}: {without[0]!r} has none; repair that name'
            )
        table = {name[len(prefix) :]: value for name, value in table.items()}
    return table


def _common_prefix(table: Mapping[str, Any]) -> str | None:
    """The prefix that at least half of the names have."""
    counts = {prefix: sum(name.startswith(prefix) for name in table) for prefix in PREFIXES}
    return next((prefix for prefix, count in counts.items() if count and 2 * count >= len(table)), None)


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

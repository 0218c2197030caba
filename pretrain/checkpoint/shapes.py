"""What shapes say about an architecture: the questions that all architectures ask of their tensors."""

import difflib
import math
import re
from collections import Counter

from torch import Tensor

from pretrain.errors import CheckpointError


class Shapes:
    """Questions about the shapes of tensors, with answers that one damaged tensor cannot change."""

    def __init__(self, tensors: dict[str, Tensor], label: str):
        self.tensors = tensors
        self.label = label

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def any(self, pattern: str) -> bool:
        """Whether a name matches the regular expression as a whole."""
        return any(re.fullmatch(pattern, name) for name in self.tensors)

    def need(self, name: str, dims: int) -> tuple[int, ...]:
        """The shape of a tensor. CheckpointError, with the nearest name, when it is missing or has other dimensions."""
        if name not in self.tensors:
            near = difflib.get_close_matches(name, self.tensors, n=1, cutoff=0.7)
            hint = f'{near[0]!r} looks like a misspelt name: rename it' if near else 'complete the file'
            raise CheckpointError(f'{self.label}: missing tensor {name}, which the architecture is read from; {hint}')
        shape = tuple(self.tensors[name].shape)
        if len(shape) != dims:
            raise CheckpointError(f'{self.label}: {name} has shape {shape}, expected {dims} dimensions')
        return shape

    def common(self, pattern: str, axis: int = 0) -> int:
        """The most frequent size along `axis` of the tensors that match. CheckpointError when there are none."""
        sizes = [
            t.shape[axis]
            for name, t in self.tensors.items()
            if t.dim() > axis and re.fullmatch(pattern, name) is not None
        ]
        if not sizes:
            raise CheckpointError(f'{self.label}: no tensor like {_readable(pattern)}; the file is incomplete')
        return Counter(sizes).most_common(1)[0][0]

    def count(self, pattern: str) -> int:
        """1 + the largest number that the group of `pattern` captures at the start of a name; 0 without a match."""
        return 1 + max((int(m.group(1)) for m in (re.match(pattern, n) for n in self.tensors) if m), default=-1)


def window_of(rows: int, label: str, patch: list[int] | None, known: dict) -> tuple[int, int]:
    """The window of a relative table with `rows` rows, square unless `img_size` says otherwise."""
    if patch is not None and 'img_size' in known:
        grid = hinted_grid(known['img_size'], patch)
        if math.prod(2 * n - 1 for n in grid) == rows:
            return grid
        raise CheckpointError(
            f'{label}: a relative table of {rows} rows does not fit img_size {known["img_size"]} with patch {patch}: '
            'correct img_size in --arch-args'
        )
    side = math.isqrt(max(rows, 0))
    if rows < 1 or side * side != rows or side % 2 == 0:
        raise CheckpointError(
            f'{label}: a relative table of {rows} rows is no square window; give the size: --arch-args '
            '\'{"img_size": [H, W]}\''
        )
    return ((side + 1) // 2, (side + 1) // 2)


def hinted_grid(size: int | list[int], patch: list[int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return height // patch[0], width // patch[1]


def mlp_ratio(width: int, hidden: int) -> float:
    """The `mlp_ratio` for which `int(width * ratio)` is `hidden`."""
    ratio = hidden / width
    return ratio if int(width * ratio) == hidden else math.nextafter(ratio, math.inf)


def _readable(pattern: str) -> str:
    return pattern.replace(r'\d+', 'N').replace('\\', '')

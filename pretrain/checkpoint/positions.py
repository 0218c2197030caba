"""Positions and what happens to them on another token grid. Equal grids return the very same values."""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from pretrain.checkpoint.card import Position
from pretrain.errors import CheckpointError

Grid = tuple[int, ...]
TEMPERATURE = 10000.0


def sincos(grid: Grid, dim: int, order: str = 'xy') -> Tensor:
    """Fixed 2-D positions `(H, W, dim)` in float32.

    Each axis takes half of the channels, `[sin | cos]` of `position / 10000 ** (i / (dim / 4))`. `order='xy'` puts the
    column first (MAE, `models_mae.py`), `'yx'` the row first (MoCo-v3, CAE): transposes of each other on a square grid.
    Raises CheckpointError when `dim` is not a multiple of 4.
    """
    if order not in ('xy', 'yx'):
        raise CheckpointError(f'unknown sin-cos order {order!r}; use xy or yx')
    axes = (1, 0) if order == 'xy' else (0, 1)
    return sincos_nd(grid, dim, axes)


def sincos_nd(grid: Grid, dim: int, axes: tuple[int, ...] | None = None) -> Tensor:
    """Fixed positions `(*grid, dim)` over any number of axes, in float32.

    Every axis takes an equal and even share of the channels, in the order `axes` (slowest axis first by default);
    channels that do not divide stay zero at the end. Raises CheckpointError when an axis would get no channel.
    """
    axes = tuple(range(len(grid))) if axes is None else axes
    pairs = dim // (2 * len(grid))
    if pairs == 0 or (len(grid) == 2 and dim % 4):
        raise CheckpointError(f'{dim} channels cannot hold sin-cos positions of {len(grid)} axes; use a multiple of 4')
    omega = TEMPERATURE ** -(torch.arange(pairs, dtype=torch.float64) / pairs)
    places = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in grid], indexing='ij')
    waves = [places[axis][..., None] * omega for axis in axes]
    parts = [f(wave) for wave in waves for f in (torch.sin, torch.cos)]
    table = torch.cat(parts, dim=-1)
    return F.pad(table, (0, dim - table.shape[-1])).float()


def sincos_1d(tokens: int, dim: int) -> Tensor:
    """Fixed positions `(tokens, dim)` of the raster index, sines and cosines taking turns (VideoMAE).

    The angle of channels 2i and 2i + 1 is `position / 10000 ** (2i / dim)`.
    """
    omega = TEMPERATURE ** -(2 * (torch.arange(dim, dtype=torch.float64) // 2) / dim)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] * omega
    return torch.where(torch.arange(dim) % 2 == 0, angle.sin(), angle.cos()).float()


FIXED: dict[str, Callable[[Grid, int], Tensor]] = {
    'sincos-xy': lambda grid, dim: sincos(grid, dim, 'xy').flatten(0, -2),
    'sincos-yx': lambda grid, dim: sincos(grid, dim, 'yx').flatten(0, -2),
    'sincos-3d': lambda grid, dim: sincos_nd(grid, dim).flatten(0, -2),
    'sincos-1d': lambda grid, dim: sincos_1d(math.prod(grid), dim),
}
"""Kinds of fixed positions by the names of the card: functions of grid and width that give `(N, dim)`."""
_AXES = {'sincos-xy': 2, 'sincos-yx': 2, 'sincos-3d': 3, 'sincos-1d': 3}


def fixed(kind: str, grid: Grid, dim: int) -> Tensor:
    """The fixed positions `(N, dim)` of a kind. Raises CheckpointError for a kind that is not made for such a grid."""
    if kind not in FIXED or _AXES[kind] != len(grid):
        fitting = ', '.join(repr(name) for name, axes in _AXES.items() if axes == len(grid))
        raise CheckpointError(f'position {kind!r} is not for a grid of {len(grid)} axes; fixed ones are {fitting}')
    return FIXED[kind](grid, dim)


def kind_of(positions: Tensor, grid: Grid, tolerance: float = 2e-3) -> Position:
    """The fixed kind that positions are, or `learned`, from the values alone.

    Args:
        positions: `(N, D)` or `(*grid, D)`, without prefix rows.
        tolerance: largest difference that half-precision storage explains.
    """
    dim = positions.shape[-1]
    table = positions.reshape(-1, dim).float()
    for kind, axes in _AXES.items():
        if axes != len(grid) or dim % 4:
            continue
        if torch.allclose(table, FIXED[kind](grid, dim), rtol=0, atol=tolerance):
            return kind  # type: ignore[return-value]  # the keys are kinds of the card
    return 'learned'


def resize_absolute(
    positions: Tensor, old: Grid, new: Grid, prefix: int = 1, antialias: bool = False, kind: str = 'learned'
) -> Tensor:
    """`(1, prefix + N, D)` on the grid `old` to the grid `new`; prefix rows are kept as they are.

    Bicubic with `align_corners=False` and an explicit size, as the official loaders of MAE, BEiT and iBOT do. They do
    not antialias, so `antialias` is off by default; switch it on for large reductions. Of three axes the last two are
    bicubic and the first is linear; the fixed kinds of three axes are computed anew (VideoMAE never stores them).
    Raises CheckpointError when the rows do not fit `old`.
    """
    old, new = tuple(old), tuple(new)
    if positions.dim() != 3 or positions.shape[1] != prefix + math.prod(old):
        raise CheckpointError(
            f'positions of shape {tuple(positions.shape)} are not {prefix} prefix rows and a {old} grid'
        )
    if old == new:
        return positions
    if kind in FIXED and len(new) == 3:
        table = fixed(kind, new, positions.shape[-1])[None].to(positions)
        return torch.cat([positions[:, :prefix], table], dim=1)
    table = positions[:, prefix:].reshape(-1, *old[-2:], positions.shape[-1]).permute(0, 3, 1, 2)
    table = F.interpolate(table.float(), size=new[-2:], mode='bicubic', align_corners=False, antialias=antialias)
    if len(new) == 3 and old[0] != new[0]:
        columns = table.flatten(1).t()[None]
        table = (
            F.interpolate(columns, size=new[0], mode='linear', align_corners=False)[0].t().unflatten(1, table.shape[1:])
        )
    table = table.permute(0, 2, 3, 1).reshape(1, -1, positions.shape[-1]).to(positions.dtype)
    return torch.cat([positions[:, :prefix], table], dim=1)


def resize_relative(table: Tensor, old: Grid, new: Grid, extra: int = 3) -> Tensor:
    """`((2H-1)(2W-1) + extra, heads)` for windows of `old` tokens to windows of `new` tokens.

    BEiT's geometric interpolation (`run_class_finetuning.py`): the old entries are laid out at distances that grow
    geometrically so that they span the new range, dense near zero, and a cubic spline is read at the new distances.
    Works per axis, so rectangles are allowed. The last `extra` rows (class token) are kept. Shrinking reads nearly a
    central crop, as the published algorithm does.
    Raises CheckpointError when the rows do not fit `old`.
    """
    old, new = tuple(old), tuple(new)
    rows = math.prod(2 * n - 1 for n in old)
    if table.dim() != 2 or table.shape[0] != rows + extra:
        raise CheckpointError(
            f'a table of shape {tuple(table.shape)} does not fit a {old} window with {extra} extra rows'
        )
    if old == new:
        return table
    if len(old) != 2 or len(new) != 2:
        raise CheckpointError(f'a relative table of the window {old} cannot become one of {new}; keep window_size')
    (old_h, old_w), (new_h, new_w) = ([2 * n - 1 for n in grid] for grid in (old, new))
    body = table[:rows].double().cpu().numpy().reshape(old_h, old_w, -1)
    knots_y, knots_x = _geometric_knots(old_h, new_h), _geometric_knots(old_w, new_w)
    at_y, at_x = np.arange(new_h) - new_h // 2, np.arange(new_w) - new_w // 2
    heads = [_spline(body[..., h], knots_y, knots_x, at_y, at_x) for h in range(body.shape[-1])]
    resized = torch.from_numpy(np.stack(heads, axis=-1)).to(table)
    return torch.cat([resized, table[rows:]])


def _spline(values: np.ndarray, knots_y, knots_x, at_y, at_x) -> np.ndarray:
    """A cubic (or lower, on tiny tables) spline through `values`, held constant outside its knots, raster order."""
    degree_y, degree_x = min(3, len(knots_y) - 1), min(3, len(knots_x) - 1)
    if not degree_y or not degree_x:  # one entry along an axis: nothing to interpolate there
        values = np.broadcast_to(values, (max(2, values.shape[0]), max(2, values.shape[1])))
        knots_y = knots_y if degree_y else np.array([-1.0, 1.0])
        knots_x = knots_x if degree_x else np.array([-1.0, 1.0])
        degree_y, degree_x = max(1, degree_y), max(1, degree_x)
    return RectBivariateSpline(knots_y, knots_x, values, kx=degree_y, ky=degree_x)(at_y, at_x).ravel()


def _geometric_knots(old: int, new: int) -> np.ndarray:
    """Places of `old` entries (odd) in units of the new table; equal lengths are laid out evenly."""
    half_old, half_new = old // 2, new // 2
    if old == new:
        return np.arange(-half_old, half_old + 1, dtype=np.float64)
    low, high = 1.01, 1.5
    while high - low > 1e-6:
        ratio = (low + high) / 2
        if (1 - ratio**half_old) / (1 - ratio) > half_new:
            high = ratio
        else:
            low = ratio
    steps = np.cumsum(ratio ** np.arange(half_old))
    return np.concatenate([-steps[::-1], [0.0], steps])


def resize_decomposed(table: Tensor, length: int) -> Tensor:
    """A decomposed table `(2n-1, D)` of one axis (ViTDet's `rel_pos_h`) to `(length, D)`, linearly as detectron2."""
    if table.shape[0] == length:
        return table
    columns = table.float().t()[None]
    return F.interpolate(columns, size=length, mode='linear')[0].t().to(table.dtype)

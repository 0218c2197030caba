"""Maskings: which tokens are hidden. Each is called as `masking(grid, batch, device) -> Mask`.

All randomness comes from torch's global generators (blocks draw one seed from it for NumPy), so seeding torch once per
step makes masks reproducible.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import IGNORE, Mask
from pretrain.registry import MODELS

MAX_DRAWS = 10
"""Rectangles tried before BEiT's generator gives a sample up (microsoft/unilm beit/masking_generator.py)."""

ROUNDINGS = ('floor(visible)', 'ceil(hidden)', 'floor(hidden)')


class Masking:
    """Base: `draw` gives the hidden tokens of a batch; `shared=True` draws one mask for the whole batch."""

    def __init__(self, shared: bool = False):
        self.shared = shared

    def __call__(self, grid: TokenGrid, batch: int, device: torch.device | str = 'cpu') -> Mask:
        hidden, count = self.draw(grid, 1 if self.shared else batch, torch.device(device))
        state = hidden.to(device=device, dtype=torch.uint8, non_blocking=True).expand(batch, -1)
        visible = None if count is None else grid.num_tokens - count
        return Mask(state, grid, visible, count)

    def draw(self, grid: TokenGrid, batch: int, device: torch.device) -> tuple[Tensor, int | None]:
        """`(batch, N)` bool, True where hidden, and the hidden count when it is the same in all samples."""
        raise NotImplementedError


def uniform(rows: int, tokens: int, hidden: int, device: torch.device) -> Tensor:
    """`(rows, tokens)` bool with exactly `hidden` True per row, uniformly at random."""
    order = torch.rand(rows, tokens, device=device).argsort(dim=1)
    return torch.zeros(rows, tokens, dtype=torch.bool, device=device).scatter_(1, order[:, :hidden], True)


@MODELS.register_module()
class RandomMasking(Masking):
    """Uniform random units, the same number in every sample.

    Args:
        ratio: hidden share, in (0, 1).
        unit: side of a unit in pixels (or frames, voxels; a tuple per axis). None: one token. SimMIM: 32.
        rounding: hidden count of `n` units: 'ceil(hidden)' = ceil(n * ratio) as SimMIM, 'floor(hidden)' =
            int(n * ratio) as Point-MAE (38 of 64 at 0.6), or 'floor(visible)' = n - int(n * (1 - ratio)) as MAE. The
            first and the
            last differ: 22 and 22 of 36 at 0.6, but 30 and 30 of 49; 148 and 147 of 196 at 0.751.
    """

    def __init__(self, ratio: float, unit=None, rounding: str = 'floor(visible)', shared: bool = False):
        super().__init__(shared)
        if rounding not in ROUNDINGS:
            raise ConfigError(f'masking.rounding is {rounding!r}; allowed: {", ".join(map(repr, ROUNDINGS))}')
        self.ratio, self.unit, self.rounding = _checked(ratio), unit, rounding

    def count(self, units: int) -> int:
        """Hidden units among `units`."""
        if self.rounding == 'ceil(hidden)':
            return math.ceil(units * self.ratio)
        if self.rounding == 'floor(hidden)':
            return int(units * self.ratio)
        return units - int(units * (1 - self.ratio))

    def draw(self, grid, batch, device):
        units = grid if self.unit is None else grid.with_patch(self.unit)
        count = self.count(units.num_tokens)
        hidden = uniform(batch, units.num_tokens, count, device)
        return units.resample(hidden, grid), count * grid.num_tokens // units.num_tokens


@MODELS.register_module()
class TubeMasking(Masking):
    """The same `int(ratio * H * W)` random positions hidden in every time step of a `(T, H, W)` grid (VideoMAE)."""

    def __init__(self, ratio: float, shared: bool = False):
        super().__init__(shared)
        self.ratio = _checked(ratio)

    def draw(self, grid, batch, device):
        time, *plane = grid.size
        positions = math.prod(plane)
        count = int(self.ratio * positions)
        return uniform(batch, positions, count, device).repeat(1, time), count * time


@MODELS.register_module()
class BlockMasking(Masking):
    """Rectangles of random area and aspect until `count` tokens of an `(H, W)` grid are hidden (BEiT).

    Args:
        count: tokens to hide per sample: 75 of 196 in BEiT, 78 in MaskFeat, 98 in CAE.
        min_block, max_block: bounds of a rectangle's area in tokens; `max_block` None: no bound but what is left.
        min_aspect: rectangles' height/width lies log-uniformly between this and its inverse.
        exact: False as published, a sample is given up after MAX_DRAWS rejected rectangles, so that counts vary (75
            is met in about 67 % of the draws, 74.5 on average). True: try on until the count is met (CAE).

    The published comparisons are strict, so a rectangle never spans the full height or width.
    """

    def __init__(
        self,
        count: int,
        min_block: int = 16,
        max_block: int | None = None,
        min_aspect: float = 0.3,
        exact: bool = False,
        shared: bool = False,
    ):
        super().__init__(shared)
        if count <= 0 or min_block <= 0:
            raise ConfigError(f'masking.count is {count} and min_block {min_block}; both must be positive')
        self.count, self.min_block, self.max_block = count, min_block, max_block
        self.log_aspect = math.log(1 / min_aspect)
        self.exact = exact

    def draw(self, grid, batch, device):
        if len(grid.size) != 2 or self.count >= grid.num_tokens:
            raise ConfigError(f'BlockMasking(count={self.count}) needs an image grid with more tokens, not {grid.size}')
        rng = np.random.default_rng(int(torch.randint(2**62, (1,))))
        hidden = self._rectangles(rng, batch, *grid.size)
        if self.exact:
            _top_up(rng, hidden, self.count)
        return torch.from_numpy(hidden.reshape(batch, -1)), self.count if self.exact else None

    def _rectangles(self, rng: np.random.Generator, batch: int, height: int, width: int) -> np.ndarray:
        """Every round draws one rectangle for each sample that is not finished; all samples advance together."""
        hidden = np.zeros((batch, height, width), dtype=bool)
        rejected = np.zeros(batch, dtype=int)
        patience = MAX_DRAWS * 50 if self.exact else MAX_DRAWS
        rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
        active = np.arange(batch)
        while active.size:
            left = self.count - hidden[active].sum((1, 2))
            largest = left if self.max_block is None else np.minimum(left, self.max_block)
            area = self.min_block + rng.random(active.size) * (largest - self.min_block)
            aspect = np.exp(rng.uniform(-self.log_aspect, self.log_aspect, active.size))
            h = np.rint(np.sqrt(area * aspect)).astype(int)
            w = np.rint(np.sqrt(area / aspect)).astype(int)
            fits = (h < height) & (w < width)
            top = (rng.random(active.size) * np.maximum(height - h + 1, 1)).astype(int)[:, None, None]
            start = (rng.random(active.size) * np.maximum(width - w + 1, 1)).astype(int)[:, None, None]
            h, w = h[:, None, None], w[:, None, None]
            block = (rows >= top) & (rows < top + h) & (columns >= start) & (columns < start + w)
            new = (block & ~hidden[active]).sum((1, 2))
            accepted = fits & (new > 0) & (new <= largest)
            hidden[active[accepted]] |= block[accepted]
            rejected[active] = np.where(accepted, 0, rejected[active] + 1)
            active = active[(left - new * accepted > 0) & (rejected[active] < patience)]
        return hidden


@MODELS.register_module()
class CubeMasking(Masking):
    """Cuboids of a `(T, H, W)` grid until exactly `count` tokens are hidden.

    A rectangle drawn as in BlockMasking is extended over a random contiguous stretch of time. An approximation of
    MaskFeat's video masking, whose generator is not specified in our sources beyond its window and its ratio of 0.4.
    """

    def __init__(self, ratio: float, min_block: int = 4, min_aspect: float = 0.3, shared: bool = False):
        super().__init__(shared)
        self.ratio, self.min_block, self.log_aspect = _checked(ratio), min_block, math.log(1 / min_aspect)

    def draw(self, grid, batch, device):
        if len(grid.size) != 3:
            raise ConfigError(f'CubeMasking needs a (T, H, W) grid, not {grid.size}')
        count = int(self.ratio * grid.num_tokens)
        rng = np.random.default_rng(int(torch.randint(2**62, (1,))))
        hidden = np.stack([self._cuboids(rng, count, grid.size) for _ in range(batch)])
        return torch.from_numpy(hidden.reshape(batch, -1)), count

    def _cuboids(self, rng: np.random.Generator, count: int, size: tuple[int, ...]) -> np.ndarray:
        time, height, width = size
        hidden = np.zeros((1, *size), dtype=bool)
        for _ in range(MAX_DRAWS * 50):
            left = count - int(hidden.sum())
            if left == 0:
                break
            long = int(rng.integers(1, time + 1))
            area = rng.uniform(self.min_block, max(left / long, self.min_block))
            aspect = math.exp(rng.uniform(-self.log_aspect, self.log_aspect))
            h = min(max(round(math.sqrt(area * aspect)), 1), height)
            w = min(max(round(math.sqrt(area / aspect)), 1), width)
            t0, y0, x0 = (int(rng.integers(0, n - m + 1)) for n, m in zip(size, (long, h, w), strict=True))
            block = np.s_[0, t0 : t0 + long, y0 : y0 + h, x0 : x0 + w]
            if 0 < (~hidden[block]).sum() <= left:
                hidden[block] = True
        _top_up(rng, hidden, count)
        return hidden[0]


def _checked(ratio: Any) -> float:
    """A share of tokens that leaves some and hides some. ConfigError for anything else."""
    if not isinstance(ratio, (int, float)) or not 0 < ratio < 1:
        raise ConfigError(f'masking.ratio is {ratio!r}; it must lie between 0 and 1, for example 0.75')
    return ratio


def _top_up(rng: np.random.Generator, hidden: np.ndarray, count: int) -> None:
    """Hide random further tokens, in place, until every sample has `count`: rectangles alone can fail to meet it."""
    for flat in hidden.reshape(hidden.shape[0], -1):
        missing = count - int(flat.sum())
        if missing:
            flat[rng.choice(np.flatnonzero(~flat), missing, replace=False)] = True


@MODELS.register_module()
class RunningCellMasking(TubeMasking):
    """Tubes hidden from the encoder, of which the decoder gets only running cells (VideoMAE v2's dual masking).

    Args:
        ratio: of the tubes.
        decoder: share of all tokens that the decoder leaves out, a number of quarters: 0.25, 0.5 or 0.75.

    The plane is cut into cells of 2 x 2 tokens. In every cell the same quarters are kept, and what is kept moves back
    by one place per time step, in raster order and around, from a place drawn for each sample (the order of
    dataset/masking_generator.py of OpenGVLab/VideoMAEv2). Hidden tokens that are kept are to be predicted, the other
    hidden ones ignored: use a decoder with `masked_only`. The published decoder gets mask tokens at visible places that
    are kept, too, which do not count in its loss.

    The time steps must be a multiple of 4, so that every sample has as many tokens to predict.
    """

    def __init__(self, ratio: float, decoder: float = 0.5, shared: bool = False):
        super().__init__(ratio, shared)
        if decoder not in (0.25, 0.5, 0.75):
            raise ConfigError(f'masking.decoder is {decoder}; allowed: 0.25, 0.5, 0.75')
        self.kept = 4 - int(4 * decoder)

    def __call__(self, grid, batch, device='cpu'):
        time, height, width = grid.size if len(grid.size) == 3 else (0, 0, 0)
        if time % 4 or height % 2 or width % 2 or not time:
            raise ConfigError(
                f'RunningCellMasking needs a (T, H, W) grid with T a multiple of 4, H and W of 2, not {grid.size}'
            )
        tubes = super().__call__(grid, batch, device)
        raster = torch.tensor([[0, 1], [2, 3]], device=tubes.state.device).repeat(height // 2, width // 2)
        start = torch.randint(4, (1 if self.shared else batch, 1, 1, 1), device=tubes.state.device)
        step = torch.arange(time, device=tubes.state.device)[:, None, None]
        kept = ((raster + step + start) % 4 < self.kept).flatten(1)
        state = torch.where(tubes.hidden & ~kept, IGNORE, tubes.state).to(torch.uint8)
        hidden = tubes.num_predict
        assert hidden is not None
        return Mask(state, grid, tubes.num_visible, hidden * self.kept // 4)

"""The mask: for every token of a grid, whether the encoder sees it and whether it must be predicted."""

from functools import cached_property

import torch
from torch import Tensor

from pretrain.grid import TokenGrid

VISIBLE, PREDICT, IGNORE = 0, 1, 2
"""Token states: given to the encoder; hidden and predicted; neither given nor predicted."""


class Mask:
    """Token states of a batch, with the gather and restore indices that follow from them.

    Args:
        state: `(B, N)` uint8 of VISIBLE, PREDICT or IGNORE, in raster order of `grid`. One mask for the whole batch is
            a `(1, N)` tensor expanded to B.
        grid: the token grid that the columns of `state` refer to.
        num_visible, num_predict: the counts if they are equal in all samples; None if they differ. Maskings know them,
            so no device synchronisation is needed; when not given at all they are read from `state`, which costs one.

    Visible tokens keep their raster order. When counts differ, gathered sequences are padded to the longest and
    `visible_padding` marks the padding.
    """

    def __init__(self, state: Tensor, grid: TokenGrid, num_visible: int | None = -1, num_predict: int | None = -1):
        if state.dim() != 2 or state.shape[1] != grid.num_tokens:
            raise ValueError(f'state of shape {tuple(state.shape)} does not fit a grid of {grid.num_tokens} tokens')
        self.state = state
        self.grid = grid
        self.num_visible = _equal_count(state == VISIBLE) if num_visible == -1 else num_visible
        self.num_predict = _equal_count(state == PREDICT) if num_predict == -1 else num_predict

    @classmethod
    def none(cls, grid: TokenGrid, batch: int, device: torch.device | str = 'cpu') -> 'Mask':
        """The mask that hides nothing."""
        state = torch.zeros(1, grid.num_tokens, dtype=torch.uint8, device=device).expand(batch, -1)
        return cls(state, grid, grid.num_tokens, 0)

    def to(self, device: torch.device | str) -> 'Mask':
        return Mask(self.state.to(device, non_blocking=True), self.grid, self.num_visible, self.num_predict)

    def on(self, grid: TokenGrid) -> 'Mask':
        """The same mask on another grid over the same input; a coarser one must not split a masked unit."""
        if grid.size == self.grid.size:
            return Mask(self.state, grid, self.num_visible, self.num_predict)
        state = self.grid.resample(self.state, grid)

        def scale(count: int | None) -> int | None:
            return None if count is None else count * grid.num_tokens // self.grid.num_tokens

        return Mask(state, grid, scale(self.num_visible), scale(self.num_predict))

    def __len__(self) -> int:
        return self.state.shape[0]

    @property
    def visible(self) -> Tensor:
        """`(B, N)` bool."""
        return self.state == VISIBLE

    @property
    def hidden(self) -> Tensor:
        """`(B, N)` bool: not given to the encoder, predicted or not."""
        return self.state != VISIBLE

    @property
    def predict(self) -> Tensor:
        """`(B, N)` bool."""
        return self.state == PREDICT

    @property
    def units(self) -> Tensor:
        """`(B, 1, *input_size)` bool over pixels, frames or voxels: True where hidden."""
        return self.over_input(self.hidden)

    def over_input(self, values: Tensor) -> Tensor:
        """Values of tokens `(B, N)` at every pixel, frame or voxel, `(B, 1, *input_size)`."""
        pixels = TokenGrid(self.grid.input_size, (1,) * len(self.grid.size))
        return self.grid.resample(values, pixels).reshape(-1, 1, *self.grid.input_size)

    @cached_property
    def visible_index(self) -> Tensor:
        """`(B, V)` int64 raster positions of the visible tokens (padded with hidden ones when counts differ)."""
        return _leading_index(self.visible, self.num_visible)

    @cached_property
    def predict_index(self) -> Tensor:
        """`(B, M)` int64 raster positions of the tokens to predict (padded when counts differ)."""
        return _leading_index(self.predict, self.num_predict)

    @cached_property
    def visible_padding(self) -> Tensor | None:
        """`(B, V)` bool, True at padding of `visible_index`; None when every sample has the same count."""
        if self.num_visible is not None:
            return None
        return ~self.visible.gather(1, self.visible_index)

    @cached_property
    def predict_padding(self) -> Tensor | None:
        """`(B, M)` bool, True at padding of `predict_index`; None when every sample has the same count."""
        if self.num_predict is not None:
            return None
        return ~self.predict.gather(1, self.predict_index)

    def gather_visible(self, x: Tensor) -> Tensor:
        """`(B, N, D)` to `(B, V, D)`."""
        return x.gather(1, self.visible_index.unsqueeze(-1).expand(-1, -1, x.shape[-1]))

    def gather_predict(self, x: Tensor) -> Tensor:
        """`(B, N, D)` to `(B, M, D)`."""
        return x.gather(1, self.predict_index.unsqueeze(-1).expand(-1, -1, x.shape[-1]))

    def restore(self, visible: Tensor, fill: Tensor) -> Tensor:
        """Put `(B, V, D)` back to its places among N tokens; every hidden place holds `fill` (broadcast to D)."""
        full = fill.to(visible.dtype).expand(len(self), self.grid.num_tokens, visible.shape[-1])
        index = self.visible_index.unsqueeze(-1).expand(-1, -1, visible.shape[-1])
        full = full.scatter(1, index, visible)
        if self.visible_padding is not None:
            full = torch.where(self.visible.unsqueeze(-1), full, fill.to(visible.dtype))
        return full

    def place_predicted(self, x: Tensor) -> Tensor:
        """`(B, M, P)` in the order of `predict_index` to `(B, N, P)`, 0 elsewhere; for equal counts only."""
        full = x.new_zeros(len(self), self.grid.num_tokens, x.shape[-1])
        return full.scatter(1, self.predict_index.unsqueeze(-1).expand(-1, -1, x.shape[-1]), x)


def _equal_count(chosen: Tensor) -> int | None:
    counts = chosen.sum(1)
    first = int(counts[0])
    return first if bool((counts == first).all()) else None


def _leading_index(chosen: Tensor, count: int | None) -> Tensor:
    """Positions of True entries, in raster order; `count` None means the largest count, which costs a host sync."""
    order = torch.argsort((~chosen).to(torch.uint8), dim=1, stable=True)
    return order[:, : int(chosen.sum(1).max()) if count is None else count]

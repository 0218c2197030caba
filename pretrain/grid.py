"""Token grids: how an input is cut into tokens. The ground object that images, videos and volumes share."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.errors import ConfigError


@dataclass(frozen=True)
class TokenGrid:
    """A regular grid of tokens over an image `(H, W)` or a video/volume `(T, H, W)`.

    Args:
        size: tokens per axis, slowest axis first.
        patch: input units (pixels, frames, voxels) covered by one token per axis. Empty for grids without a regular
            extent, such as point groups, where `size` is `(G,)` and tokens cannot be cut from or pasted into an input.
    """

    size: tuple[int, ...]
    patch: tuple[int, ...] = ()

    @classmethod
    def over(cls, input_size, patch) -> 'TokenGrid':
        """The grid of `patch`-sized tokens over an input of `input_size` (both per axis; an int means every axis)."""
        input_size = tuple(input_size)
        patch = (patch,) * len(input_size) if isinstance(patch, int) else tuple(patch)
        if len(patch) != len(input_size) or any(s % p for s, p in zip(input_size, patch, strict=True)):
            raise ConfigError(
                f'input size {input_size} is not a multiple of the patch {patch}; resize or crop the input'
            )
        return cls(tuple(s // p for s, p in zip(input_size, patch, strict=True)), patch)

    @property
    def axes(self) -> int:
        """2 for images, 3 for clips and volumes."""
        return len(self.size)

    @property
    def num_tokens(self) -> int:
        return math.prod(self.size)

    @property
    def input_size(self) -> tuple[int, ...]:
        return tuple(s * p for s, p in zip(self.size, self.patch, strict=True))

    @property
    def patch_volume(self) -> int:
        """Input units per token, channels not counted."""
        return math.prod(self.patch)

    def with_patch(self, patch: int | tuple[int, ...]) -> 'TokenGrid':
        """The grid over the same input with another patch."""
        return TokenGrid.over(self.input_size, patch)

    def patchify(self, x: Tensor) -> Tensor:
        """Cut `(B, C, *input_size)` into `(B, N, P)`, P = patch units in raster order, channels fastest.

        This is the value order of MAE (p, q, c). Raises ConfigError when `x` has another size than the grid.
        """
        if tuple(x.shape[2:]) != self.input_size:
            raise ConfigError(f'input of size {tuple(x.shape[2:])} does not fit a grid over {self.input_size}')
        n = len(self.size)
        split = [part for pair in zip(self.size, self.patch, strict=True) for part in pair]
        x = x.reshape(x.shape[0], x.shape[1], *split)
        token_axes = [2 + 2 * i for i in range(n)]
        patch_axes = [3 + 2 * i for i in range(n)]
        x = x.permute(0, *token_axes, *patch_axes, 1)
        return x.reshape(x.shape[0], self.num_tokens, -1)

    def unpatchify(self, tokens: Tensor) -> Tensor:
        """The inverse of `patchify`: `(B, N, P)` to `(B, C, *input_size)`."""
        n = len(self.size)
        x = tokens.reshape(tokens.shape[0], *self.size, *self.patch, -1)
        order = [0, x.dim() - 1] + [axis for i in range(n) for axis in (1 + i, 1 + n + i)]
        return x.permute(*order).reshape(tokens.shape[0], x.shape[-1], *self.input_size)

    def resample(self, values: Tensor, other: 'TokenGrid') -> Tensor:
        """Carry per-token values `(B, N)` from this grid to `other` over the same input by nearest neighbour.

        Finer grids repeat a value. On a coarser grid every token must cover tokens of one value, otherwise the result
        would depend on which one is taken: that is the caller's business (ConfigError if sizes do not divide).
        """
        if other.size == self.size:
            return values
        x = values.reshape(-1, *self.size)
        for axis, (have, want) in enumerate(zip(self.size, other.size, strict=True), start=1):
            if want % have == 0:
                x = x.repeat_interleave(want // have, dim=axis)
            elif have % want == 0:
                x = x.index_select(axis, torch.arange(0, have, have // want, device=x.device))
            else:
                raise ConfigError(f'a mask on {self.size} tokens cannot be carried to {other.size}: no whole multiple')
        return x.reshape(-1, other.num_tokens)

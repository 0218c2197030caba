"""Histograms of oriented gradients, as MaskFeat's official code computes them."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.errors import ConfigError
from pretrain.mask import Mask
from pretrain.registry import MODELS
from pretrain.targets.base import Target


@MODELS.register_module()
class HOG(Target):
    """The gradient histograms of the cells of each patch, `(B, N, P)`, P ordered channel, bin, cell row, cell column.

    On the normalised image, per channel: Sobel gradients (reflected border), the angle `atan2(gx, gy)` modulo 180
    degrees in `bins` equal bins (each pixel falls into one), magnitudes summed over `cell` x `cell` pixels and divided
    by the L2 norm over the bins of a cell. No Gaussian window, no block norm, no clipping (facebookresearch/SlowFast,
    `HOGLayerC`).
    For RGB, patch 16, cell 8 and 9 bins, P is 108. Of clips the first frame of every token counts, each as an image.

    Raises ConfigError when a patch is not square, or no whole number of cells.
    """

    def __init__(self, bins: int = 9, cell: int = 8, patch=16, image_size=224, channels: int = 3, mean=None, std=None):
        side = patch if isinstance(patch, int) else patch[-1]
        if not isinstance(patch, int) and patch[-2] != side:
            raise ConfigError(f'HOG: patch {tuple(patch)} is not square; choose another target or patch')
        if side % cell:
            raise ConfigError(f'HOG: patch {side} is no multiple of cell {cell}; choose a cell that divides the patch')
        super().__init__(channels * bins * (side // cell) ** 2, patch, image_size, channels, mean, std)
        self.bins, self.side = bins, side
        self.cells = (side // cell) ** 2
        self.register_buffer('place', self._place(cell), persistent=False)

    def _place(self, cell: int) -> Tensor:
        """Where bin 0 of each pixel's cell lies among all N * P values, `(1, C, H, W)` int64."""
        rows, columns = (torch.arange(size) for size in self.grid.input_size[-2:])
        token = rows[:, None] // self.side * self.grid.size[-1] + columns // self.side
        in_patch = rows[:, None] % self.side // cell * (self.side // cell) + columns % self.side // cell
        channel = torch.arange(self.channels).reshape(-1, 1, 1) * self.bins * self.cells
        return (token * self.dim + channel + in_patch).unsqueeze(0)

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        """`(B, N, P)` fp32: the histogram of every cell and channel has norm 1, or 0 where nothing changes."""
        image = self.image(batch)
        if tuple(image.shape[2:]) != self.grid.input_size:
            raise ConfigError(f'image of size {tuple(image.shape[2:])}, but HOG was built for {self.grid.input_size}')
        batch_size = len(image)
        if self.grid.axes == 3:
            image = image[:, :, :: self.grid.patch[0]].transpose(1, 2).flatten(0, 1)
        magnitude, index = self._gradients(image)
        where = (self.place + index.long() * self.cells).flatten(1)
        tokens = math.prod(self.grid.size[-2:])
        sums = magnitude.new_zeros(len(image), tokens * self.dim)
        sums = sums.scatter_add_(1, where, magnitude.flatten(1))
        histograms = sums.view(batch_size, -1, self.channels, self.bins, self.cells)
        return F.normalize(histograms, dim=3).flatten(2)

    def _gradients(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Magnitude and bin of every pixel, both `(B, C, H, W)`."""
        x = F.pad(image, (1, 1, 1, 1), mode='reflect')
        # Differences come before smoothing: a flat area and a mirrored border then give exactly zero on every device,
        # where a 3x3 convolution leaves rounding noise that decides on the bin, or is normalised to full length.
        gx = _smooth(x[..., :-2] - x[..., 2:], dim=2)
        gy = _smooth(x[..., :-2, :] - x[..., 2:, :], dim=3)
        index = (torch.atan2(gx, gy) / math.pi * self.bins).floor() % self.bins
        return torch.hypot(gx, gy), index


def _smooth(x: Tensor, dim: int) -> Tensor:
    """1, 2, 1 along an axis, which becomes two shorter."""
    length = x.shape[dim] - 2
    return x.narrow(dim, 0, length) + 2 * x.narrow(dim, 1, length) + x.narrow(dim, 2, length)

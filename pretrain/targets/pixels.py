"""Pixel targets: the clean image, cut into patches, with the normalisations in use.

All of them look alike and none is interchangeable (MAE's joint statistics keep the colour of a patch, per-channel ones
remove it), so the choice is spelled out in every config.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.registry import MODELS
from pretrain.targets.base import Target

NORMALISE = ('none', 'patch', 'patch-biased', 'patch-channel-biased', 'patch-channel-unbiased', 'sliding')


@MODELS.register_module()
class Pixels(Target):
    """The pixels of each patch, `(B, N, P)` in raster order of the patch, channels fastest: P = patch * patch * C.

    Clips and volumes have patches of three axes.

    Args:
        normalise: with mu and var the mean and variance of a patch,
            `none`: the normalised image as it is (SimMIM, A2MIM);
            `patch`: over all values of the patch, unbiased, `(x - mu) / sqrt(var + 1e-6)` (MAE and descendants);
            `patch-biased`: over all values of the patch, biased, `(x - mu) / sqrt(var + 1e-5)`, a LayerNorm without
            weights (SelfMedMAE);
            `patch-channel-biased`: per channel, biased, `(x - mu) / sqrt(var + 1e-5)` (BootMAE);
            `patch-channel-unbiased`: per channel, unbiased, on [0, 1] pixels, `(x - mu) / (sqrt(var) + 1e-6)`
            (VideoMAE, pengzhiliang/MAE-pytorch, Beyond-Masking);
            `sliding`: per channel over a window around every pixel, unbiased, `(x - mu) / sqrt(var + 1e-6)`; at the
            border the window is cut (SimMIM in the Swin-Transformer repository).
        patch: of a predicted token.
        window: pixels per side of the sliding window, odd; used by `sliding` only.
        frames: of a clip, predict only so many frames, evenly spaced with the first and the last (MAE-ST: 8 of 16,
            so that a token of two frames stands for one).
    """

    def __init__(
        self,
        normalise: str = 'none',
        patch=16,
        image_size=224,
        channels: int = 3,
        mean=None,
        std=None,
        window: int = 47,
        frames: int | None = None,
    ):
        if normalise not in NORMALISE:
            raise ConfigError(f'Pixels: normalise={normalise!r}; allowed: {", ".join(NORMALISE)}')
        if window % 2 == 0 or window < 3:
            raise ConfigError(f'Pixels: window={window}; it must be odd and at least 3')
        sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
        chosen = None
        if frames is not None:
            grid = TokenGrid.over(sides, patch)
            if grid.axes != 3 or frames % grid.size[0]:
                raise ConfigError(f'Pixels: frames={frames} must be a multiple of the {grid.size[0]} tokens along time')
            chosen = torch.linspace(0, sides[0] - 1, frames).long()
            patch = (frames // grid.size[0], *grid.patch[1:])
            sides = (frames, *sides[1:])
        super().__init__(TokenGrid.over(sides, patch).patch_volume * channels, patch, sides, channels, mean, std)
        self.normalise = normalise
        self.window = window
        self.register_buffer('frames', chosen, persistent=False)

    def image(self, batch: dict) -> Tensor:
        clip = super().image(batch)
        return clip if self.frames is None else clip.index_select(2, self.frames)

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        """`(B, N, P)` fp32. Raises ConfigError when the image has another size than the target was built for."""
        tokens, shift, scale = self._statistics(batch)
        return (tokens - shift) / scale

    @torch.no_grad()
    def to_image(self, prediction: Tensor, batch: dict) -> Tensor:
        """A prediction `(B, N, P)` as an image or clip `(B, C, *size)` in [0, 1], with the clean one's statistics."""
        _, shift, scale = self._statistics(batch)
        image = self.grid.unpatchify(prediction.float() * scale + shift)
        if self.normalise != 'patch-channel-unbiased':
            image = self.denormalise(image)
        return image.clamp(0, 1)

    def _statistics(self, batch: dict) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens `(B, N, P)`, and what is taken from them and what they are divided by (broadcastable)."""
        if self.normalise == 'sliding':
            image = self.image(batch)
            mu, scale = _window_statistics(image, self.window)
            return self.grid.patchify(image), self.grid.patchify(mu), self.grid.patchify(scale)
        on_pixels = self.normalise == 'patch-channel-unbiased'
        tokens = self.grid.patchify(self.pixels(batch) if on_pixels else self.image(batch))
        if self.normalise == 'none':
            return tokens, torch.zeros((), device=tokens.device), torch.ones((), device=tokens.device)
        if self.normalise == 'patch':
            var, mu = torch.var_mean(tokens, dim=-1, keepdim=True, correction=1)
            return tokens, mu, (var + 1e-6).sqrt()
        if self.normalise == 'patch-biased':
            var, mu = torch.var_mean(tokens, dim=-1, keepdim=True, correction=0)
            return tokens, mu, (var + 1e-5).sqrt()
        correction = 1 if on_pixels else 0
        values = tokens.unflatten(-1, (-1, self.channels))
        var, mu = torch.var_mean(values, dim=2, keepdim=True, correction=correction)
        scale = var.sqrt() + 1e-6 if on_pixels else (var + 1e-5).sqrt()
        return tokens, mu.expand_as(values).flatten(2), scale.expand_as(values).flatten(2)


def _window_statistics(image: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation `(B, C, H, W)` over the window around each pixel; only pixels of the image count."""

    def average(x: Tensor, count_padding: bool = False) -> Tensor:
        return F.avg_pool2d(x, window, stride=1, padding=window // 2, count_include_pad=count_padding)

    mu = average(image)
    count = average(torch.ones_like(image[:1, :1]), count_padding=True) * window**2
    var = (average(image.square()) - mu.square()) * count / (count - 1)
    return mu, (var.clamp(min=0) + 1e-6).sqrt()

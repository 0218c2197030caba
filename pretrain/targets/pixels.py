"""Pixel targets: the clean image, cut into patches, with the four normalisations in use.

All of them look alike and none is interchangeable (MAE's joint statistics keep the colour of a patch, per-channel ones
remove it), so the choice is spelled out in every config.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.errors import ConfigError
from pretrain.mask import Mask
from pretrain.registry import MODELS
from pretrain.targets.base import Target

NORMALISE = ('none', 'patch', 'patch-channel-biased', 'patch-channel-unbiased', 'sliding')


@MODELS.register_module()
class Pixels(Target):
    """The pixels of each patch, `(B, N, P)` with P = patch * patch * C in the order row, column, channel.

    Args:
        normalise: with mu and var the mean and variance of a patch,
            `none`: the normalised image as it is (SimMIM, A2MIM);
            `patch`: over all values of the patch, unbiased, `(x - mu) / sqrt(var + 1e-6)` (MAE and descendants);
            `patch-channel-biased`: per channel, biased, `(x - mu) / sqrt(var + 1e-5)` (BootMAE);
            `patch-channel-unbiased`: per channel, unbiased, on [0, 1] pixels, `(x - mu) / (sqrt(var) + 1e-6)`
            (pengzhiliang/MAE-pytorch, Beyond-Masking);
            `sliding`: per channel over a window around every pixel, unbiased, `(x - mu) / sqrt(var + 1e-6)`; at the
            border the window is cut (SimMIM in the Swin-Transformer repository).
        patch: pixels per side of a predicted token.
        window: pixels per side of the sliding window, odd; used by `sliding` only.
    """

    def __init__(
        self,
        normalise: str = 'none',
        patch: int = 16,
        image_size=224,
        channels: int = 3,
        mean=None,
        std=None,
        window: int = 47,
    ):
        if normalise not in NORMALISE:
            raise ConfigError(f'Pixels: normalise={normalise!r}; allowed: {", ".join(NORMALISE)}')
        if window % 2 == 0 or window < 3:
            raise ConfigError(f'Pixels: window={window}; it must be odd and at least 3')
        super().__init__(patch * patch * channels, patch, image_size, channels, mean, std)
        self.normalise = normalise
        self.window = window

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        """`(B, N, P)` fp32. Raises ConfigError when the image has another size than the target was built for."""
        tokens, shift, scale = self._statistics(batch)
        return (tokens - shift) / scale

    @torch.no_grad()
    def to_image(self, prediction: Tensor, batch: dict) -> Tensor:
        """A prediction `(B, N, P)` as a picture `(B, C, H, W)` in [0, 1], with the clean image's own statistics."""
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

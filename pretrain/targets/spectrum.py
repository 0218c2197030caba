"""The Fourier spectrum of the clean image (A2MIM)."""

import torch
from torch import Tensor

from pretrain.errors import ConfigError
from pretrain.mask import Mask
from pretrain.registry import MODELS
from pretrain.targets.base import Target, full_precision

VISIBLE_CONTENT = ('mixed', 'image', 'prediction', 'mean')


@MODELS.register_module()
class Spectrum(Target):
    """The orthonormal 2-D Fourier transform of the image: `(B, C, H, W, 2)`, real and imaginary part last.

    A spectrum belongs to the whole image, so there is no token axis. `view` turns a pixel prediction of all tokens,
    `(B, N, P)` in the layout of `Pixels(normalise='none')`, into a spectrum: the prediction where it is masked,
    a substitute where it is visible, transformed. Compare with `FocalFrequency`.

    Args:
        visible: the substitute on visible patches. `mixed` is half the detached prediction and half the image (A2MIM);
            `image`, `prediction` (detached) and `mean` (the image's own mean per channel) are the code's other choices.
        live: share of the prediction, with its gradient, that is mixed into the substitute: 0 for A2MIM's ViT, 1e-3 for
            its ResNet and ConvNeXt (Westlake-AI/openmixup, `A2MIMHead`, `fft_unmask_weight`).
    """

    def __init__(
        self,
        patch=16,
        visible: str = 'mixed',
        live: float = 0.0,
        image_size=224,
        channels: int = 3,
        mean=None,
        std=None,
    ):
        if visible not in VISIBLE_CONTENT:
            raise ConfigError(f'Spectrum: visible={visible!r}; allowed: {", ".join(VISIBLE_CONTENT)}')
        if not 0 <= live <= 1:
            raise ConfigError(f'Spectrum: live={live}; it is a share between 0 and 1')
        side = patch if isinstance(patch, int) else patch[0]
        super().__init__(side * side * channels, patch, image_size, channels, mean, std)
        self.visible = visible
        self.live = live

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        """`(B, C, H, W, 2)` fp32."""
        return spectrum(self.image(batch))

    def view(self, prediction: Tensor, batch: dict, mask: Mask) -> Tensor:
        """`(B, N, P)` to `(B, C, H, W, 2)` fp32. Raises ConfigError when the head did not predict all tokens."""
        if prediction.shape[1] != self.grid.num_tokens:
            raise ConfigError(
                f'Spectrum needs a prediction for all {self.grid.num_tokens} tokens, got {prediction.shape[1]};'
                ' use a head that predicts every token'
            )
        prediction = prediction.float()
        share = mask.on(self.grid).predict.unsqueeze(-1).float()
        share = share + (1 - share) * self.live
        image = self.grid.unpatchify(prediction * share + self._substitute(prediction, batch) * (1 - share))
        return spectrum(image)

    @torch.no_grad()
    def _substitute(self, prediction: Tensor, batch: dict) -> Tensor:
        image = self.image(batch)
        if self.visible == 'prediction':
            return prediction
        if self.visible == 'mean':
            return self.grid.patchify(image.mean((2, 3), keepdim=True).expand_as(image))
        clean = self.grid.patchify(image)
        return clean if self.visible == 'image' else 0.5 * prediction + 0.5 * clean


def spectrum(image: Tensor) -> Tensor:
    """`(B, C, H, W)` to its orthonormal transform `(B, C, H, W, 2)`."""
    with full_precision(image.device):
        return torch.view_as_real(torch.fft.fft2(image, norm='ortho'))

"""From the one resolution of a plain ViT to the pyramid that detectors and segmenters expect."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pretrain.errors import ConfigError


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of `(B, C, H, W)`."""

    _abbr_ = 'ln'  # how mmcv names the layer in a ConvModule

    def __init__(self, channels: int, eps: float = 1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2).contiguous()


class SimpleFeaturePyramid(nn.Module):
    """ViTDet's pyramid: the last map at several resolutions, and one more by pooling.

    Each scale is resampled from the same map (two deconvolutions with norm and GELU between, one, none, max pooling),
    then a 1x1 and a 3x3 convolution without bias, each followed by a LayerNorm over channels.
    Source: arXiv 2203.16527, and detectron2 `modeling/backbone/vit.py`.

    Args:
        width: channels of the map.
        channels: of the result.
        scales: resolutions relative to the map, finest first; of 4, 2, 1 and 0.5.
        extra: levels made by pooling the last one with stride 2 (detection: 1).
    """

    def __init__(self, width: int, channels: int = 256, scales: Sequence[float] = (4, 2, 1, 0.5), extra: int = 1):
        super().__init__()
        self.branches = nn.ModuleList()
        for scale in scales:
            resample, dim = _resampling(scale, width)
            convs = [nn.Conv2d(dim, channels, 1, bias=False), ChannelNorm(channels)]
            convs += [nn.Conv2d(channels, channels, 3, padding=1, bias=False), ChannelNorm(channels)]
            self.branches.append(nn.Sequential(*resample, *convs))
        self.extra = extra

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """One map `(B, width, H, W)` to `4 + extra` maps, finest first."""
        (x,) = maps
        found = [branch(x) for branch in self.branches]
        for _ in range(self.extra):
            found.append(F.max_pool2d(found[-1], kernel_size=1, stride=2))
        return tuple(found)


class FourLevels(nn.Module):
    """Four maps of one resolution to 4, 2, 1 and 1/2 times it: BEiT's way to feed FPN or UPerHead.

    Two deconvolutions with batch norm and GELU between, one, none, max pooling; channels stay.
    Source: microsoft/unilm `beit/semantic_segmentation/backbone/beit.py` (fpn1 to fpn4), also of iBOT, CAE and MAE.

    Args:
        width: channels of the maps.

    Batch norm is synchronised over processes by the config's `sync_bn`, like that of any other part.
    """

    def __init__(self, width: int):
        super().__init__()
        self.scales = nn.ModuleList(
            [
                nn.Sequential(_double(width, width), nn.BatchNorm2d(width), nn.GELU(), _double(width, width)),
                _double(width, width),
                nn.Identity(),
                nn.MaxPool2d(2),
            ]
        )

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Four maps `(B, width, H, W)` to four of falling resolution."""
        return tuple(scale(x) for scale, x in zip(self.scales, maps, strict=True))


def _resampling(scale: float, width: int) -> tuple[list[nn.Module], int]:
    """The layers that change the resolution by `scale`, and the channels that they give."""
    if scale == 4:
        first, second = _double(width, width // 2), _double(width // 2, width // 4)
        return [first, ChannelNorm(width // 2), nn.GELU(), second], width // 4
    if scale == 2:
        return [_double(width, width // 2)], width // 2
    if scale == 1:
        return [], width
    if scale == 0.5:
        return [nn.MaxPool2d(2)], width
    raise ConfigError(f'scales has {scale}; allowed: 4, 2, 1, 0.5')


def _double(before: int, after: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, kernel_size=2, stride=2)

"""Random crops and changes of a prepared volume, by MONAI; what is drawn depends on one seed alone."""

from collections.abc import Sequence

import torch
from monai.transforms import (
    Compose,
    NormalizeIntensityd,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandRotate90d,
    RandScaleIntensityd,
    RandShiftIntensityd,
    RandSpatialCropd,
    SpatialPadd,
)
from torch import Tensor

from medical.prepare import Volume
from pretrain.errors import ConfigError
from pretrain.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CropVolume:
    """A crop of `size` voxels, then flips, quarter turns and changes of intensity, each with its probability.

    Args:
        size: of the crop, per axis; smaller volumes are padded with 0 around their middle first.
        positive, negative: weights of a crop around a voxel of an organ and around one of the background; both 0, or a
            volume without label: anywhere.
        threshold: the middle of a crop around the background is a voxel that some channel has above this, so that no
            crop holds air alone; `'nonzero'`: that some channel has other than 0, for standardised intensities.
        flip: probability per axis.
        rotate90: probability of 1 to 3 quarter turns in the plane of the first two axes, which must be equally long.
        standardise: 'nonzero': bring the voxels of each channel that are not 0 to mean 0 and deviation 1 once more,
            over the crop alone (SelfMedMAE on BraTS).
        scale: `(probability, share)`: intensities are multiplied by up to 1 +- share.
        shift: `(probability, offset)`: up to +- offset is added.
    """

    def __init__(
        self,
        size: Sequence[int],
        positive: float = 0.0,
        negative: float = 0.0,
        threshold: float | str = 0.0,
        flip: float = 0.0,
        rotate90: float = 0.0,
        scale: Sequence[float] | None = None,
        shift: Sequence[float] | None = None,
        standardise: str | None = None,
    ):
        self.size = (size,) * 3 if isinstance(size, int) else tuple(size)
        if len(self.size) != 3 or min(self.size) < 1:
            raise ConfigError(f'CropVolume: size is {size}; it takes three numbers of voxels')
        if rotate90 and self.size[0] != self.size[1]:
            raise ConfigError(f'CropVolume: rotate90 needs equal first sides, size is {self.size}; set rotate90=0')
        if isinstance(threshold, str) and threshold != 'nonzero':
            raise ConfigError(f"CropVolume: threshold is {threshold!r}; it takes a number or 'nonzero'")
        if standardise not in (None, 'nonzero'):
            raise ConfigError(f"CropVolume: standardise is {standardise!r}; it takes None or 'nonzero'")
        self.by_label = positive > 0 or negative > 0
        self.threshold, self.standardise = threshold, standardise
        self.weights = (positive, negative)
        self.changes = (flip, rotate90, scale, shift)
        self._plans = {labelled: self._plan(labelled) for labelled in (False, True)}

    def __call__(self, volume: Volume, seed: int) -> dict[str, Tensor]:
        """`image` float32 `(C, *size)`, and `label` int64 `(*size)` of a labelled volume."""
        plan = self._plans[volume.label is not None]
        plan.set_random_state(seed & 0xFFFFFFFF)
        data = {'image': volume.image}
        if volume.label is not None:
            data['label'] = volume.label[None]
            if self.by_label:
                data['content'] = self._content(volume.image)
        found = plan(data)
        found = found[0] if isinstance(found, list) else found
        out = {'image': _plain(found['image']).float()}
        if 'label' in found:
            out['label'] = _plain(found['label'])[0].long()
        return out

    def _plan(self, labelled: bool) -> Compose:
        keys = ('image', 'label') if labelled else ('image',)
        flip, rotate90, scale, shift = self.changes
        by_label = labelled and self.by_label
        steps: list = [SpatialPadd((*keys, 'content') if by_label else keys, spatial_size=self.size)]
        if by_label:
            positive, negative = self.weights
            steps.append(
                RandCropByPosNegLabeld(
                    keys,
                    label_key='label',
                    spatial_size=self.size,
                    pos=positive,
                    neg=negative,
                    num_samples=1,
                    image_key='content',
                    image_threshold=0,
                )
            )
        else:
            steps.append(RandSpatialCropd(keys, roi_size=self.size, random_size=False))
        if flip:
            steps += [RandFlipd(keys, prob=flip, spatial_axis=axis) for axis in range(3)]
        if rotate90:
            steps.append(RandRotate90d(keys, prob=rotate90, max_k=3))
        if self.standardise:
            steps.append(NormalizeIntensityd('image', nonzero=True, channel_wise=True))
        if scale:
            steps.append(RandScaleIntensityd('image', factors=scale[1], prob=scale[0]))
        if shift:
            steps.append(RandShiftIntensityd('image', offsets=shift[1], prob=shift[0]))
        return Compose(steps)

    def _content(self, image: Tensor) -> Tensor:
        """1 where something is, uint8 `(1, D, H, W)`. Made before padding, which is neither organ nor background."""
        held = image != 0 if self.threshold == 'nonzero' else image > self.threshold
        return held.any(0, keepdim=True).to(torch.uint8)


def _plain(x: Tensor) -> Tensor:
    return (x.as_tensor() if hasattr(x, 'as_tensor') else torch.as_tensor(x)).contiguous()

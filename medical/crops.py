"""Random crops and changes of a prepared volume, by MONAI; what is drawn depends on one seed alone."""

from collections.abc import Sequence

import torch
from monai.transforms import (
    Compose,
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
        flip: probability per axis.
        rotate90: probability of 1 to 3 quarter turns in the plane of the first two axes, which must be equally long.
        scale: `(probability, share)`: intensities are multiplied by up to 1 +- share.
        shift: `(probability, offset)`: up to +- offset is added.
    """

    def __init__(
        self,
        size: Sequence[int],
        positive: float = 0.0,
        negative: float = 0.0,
        flip: float = 0.0,
        rotate90: float = 0.0,
        scale: Sequence[float] | None = None,
        shift: Sequence[float] | None = None,
    ):
        self.size = (size,) * 3 if isinstance(size, int) else tuple(size)
        if len(self.size) != 3 or min(self.size) < 1:
            raise ConfigError(f'CropVolume: size is {size}; it takes three numbers of voxels')
        if rotate90 and self.size[0] != self.size[1]:
            raise ConfigError(f'CropVolume: rotate90 needs equal first sides, size is {self.size}; set rotate90=0')
        self.by_label = positive > 0 or negative > 0
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
        found = plan(data)
        found = found[0] if isinstance(found, list) else found
        out = {'image': _plain(found['image']).float()}
        if 'label' in found:
            out['label'] = _plain(found['label'])[0].long()
        return out

    def _plan(self, labelled: bool) -> Compose:
        keys = ('image', 'label') if labelled else ('image',)
        flip, rotate90, scale, shift = self.changes
        steps: list = [SpatialPadd(keys, spatial_size=self.size)]
        if labelled and self.by_label:
            positive, negative = self.weights
            steps.append(
                RandCropByPosNegLabeld(
                    keys, label_key='label', spatial_size=self.size, pos=positive, neg=negative, num_samples=1
                )
            )
        else:
            steps.append(RandSpatialCropd(keys, roi_size=self.size, random_size=False))
        if flip:
            steps += [RandFlipd(keys, prob=flip, spatial_axis=axis) for axis in range(3)]
        if rotate90:
            steps.append(RandRotate90d(keys, prob=rotate90, max_k=3))
        if scale:
            steps.append(RandScaleIntensityd('image', factors=scale[1], prob=scale[0]))
        if shift:
            steps.append(RandShiftIntensityd('image', offsets=shift[1], prob=shift[0]))
        return Compose(steps)


def _plain(x: Tensor) -> Tensor:
    return (x.as_tensor() if hasattr(x, 'as_tensor') else torch.as_tensor(x)).contiguous()

"""The part of preparing a volume that has no chance in it, by MONAI: orientation, spacing, intensities, foreground."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, CropForegroundd, Orientationd, Spacingd
from torch import Tensor

from pretrain.errors import ConfigError, DataError
from pretrain.registry import TRANSFORMS

KEYS = ('image', 'label')


@dataclass
class Volume:
    """A prepared volume.

    Attributes:
        image: float32 `(C, D, H, W)`; the axes are those of `orientation`, for 'RAS' from left to right, from back to
            front and from foot to head, as MONAI and the published networks have them.
        label: class indices uint8 `(D, H, W)`, or None.
        affine: float64 `(4, 4)`, from voxel indices to millimetres, in the same coordinates as that of the file.
        lost: class indices that the label had before and has no longer: organs thinner than the new spacing, or outside
            what was kept.
    """

    image: Tensor
    label: Tensor | None
    affine: Tensor
    lost: tuple[int, ...] = ()

    @property
    def spacing(self) -> list[float]:
        """Of the voxels in millimetres, per axis."""
        return spacing_of(self.affine)


@TRANSFORMS.register_module()
class PrepareVolume:
    """Brings a volume into one orientation, resolution and range of intensities.

    Args:
        orientation: codes of the axes; None leaves them as stored.
        spacing: of the voxels in millimetres, per axis after orientation; images are interpolated linearly, labels take
            the nearest voxel. None leaves the spacing as stored.
        window: `(low, high)`, mapped to 0 and 1 and clipped: Hounsfield units of CT.
        percentiles: the same with percentiles of each channel of the volume, such as (0.5, 99.5): for MRI.
        standardise: each channel to mean 0 and deviation 1: 'all' voxels, or the 'nonzero' ones, others staying 0
            (BraTS).
        foreground: cut away the border where every channel is 0 after scaling: air, or what lies below the window.

    Exactly one of `window`, `percentiles` and `standardise` must be given. Raises ConfigError otherwise, and DataError
    for a channel that has no contrast, before or after scaling.
    """

    def __init__(
        self,
        orientation: str | None = 'RAS',
        spacing: Sequence[float] | None = None,
        window: Sequence[float] | None = None,
        percentiles: Sequence[float] | None = None,
        standardise: str | None = None,
        foreground: bool = False,
    ):
        given = [x for x in (window, percentiles, standardise) if x is not None]
        if len(given) != 1:
            raise ConfigError(
                f'PrepareVolume needs exactly one of window, percentiles and standardise, not {len(given)}'
            )
        if standardise not in (None, 'all', 'nonzero'):
            raise ConfigError(f"PrepareVolume: standardise is {standardise!r}; allowed: 'all', 'nonzero'")
        for name, pair in (('window', window), ('percentiles', percentiles)):
            if pair is not None and not (len(pair) == 2 and pair[0] < pair[1]):
                raise ConfigError(f'PrepareVolume: {name} is {pair}; it takes (low, high), low first')
        if spacing is not None and (len(spacing) != 3 or min(spacing) <= 0):
            raise ConfigError(f'PrepareVolume: spacing is {spacing}; it takes three numbers of millimetres')
        if foreground and standardise == 'all':
            raise ConfigError("PrepareVolume: standardise='all' leaves no background at 0 for foreground to cut")
        self.window, self.percentiles, self.standardise = window, percentiles, standardise
        self.foreground = foreground
        self.orientation, self.spacing = orientation, spacing

    def __call__(self, image: np.ndarray, affine: np.ndarray, label: np.ndarray | None, name: str) -> Volume:
        """`image` float32 `(C, X, Y, Z)` and `label` uint8 `(X, Y, Z)` as they are stored."""
        data = {'image': MetaTensor(torch.from_numpy(image), affine=torch.from_numpy(affine))}
        if label is not None:
            data['label'] = MetaTensor(torch.from_numpy(label)[None], affine=torch.from_numpy(affine))
        data = self._placed(tuple(data))(data)
        data['image'] = data['image'].float()
        self._scale(data['image'], name)
        if self.foreground:
            data = CropForegroundd(tuple(data), source_key='image', select_fn=_not_zero, allow_smaller=True)(data)
        found = data.get('label')
        kept = None if found is None else found.as_tensor()[0].to(torch.uint8).contiguous()
        lost = () if kept is None else tuple(np.setdiff1d(np.unique(label), np.unique(kept.numpy())).tolist())
        return Volume(data['image'].as_tensor().contiguous(), kept, data['image'].affine.double(), lost)

    def _placed(self, keys: tuple[str, ...]) -> Compose:
        steps: list = []
        if self.orientation is not None:
            steps.append(Orientationd(keys, axcodes=self.orientation, labels=(('L', 'R'), ('P', 'A'), ('I', 'S'))))
        if self.spacing is not None:
            modes = ('bilinear', 'nearest')[: len(keys)]
            steps.append(Spacingd(keys, pixdim=tuple(self.spacing), mode=modes))
        return Compose(steps)

    def _scale(self, image: Tensor, name: str) -> None:
        """Change intensities in place."""
        for channel, voxels in enumerate(image.as_tensor() if isinstance(image, MetaTensor) else image):
            if self.standardise is not None:
                chosen = voxels != 0 if self.standardise == 'nonzero' else torch.ones_like(voxels, dtype=torch.bool)
                values = voxels[chosen].double()
                mean, deviation = (values.mean(), values.std(correction=0)) if len(values) else (0.0, 0.0)
                _need_contrast(float(deviation), channel, name)
                voxels[chosen] = ((values - mean) / deviation).float()
                continue
            low, high = self.window or np.percentile(voxels.numpy(), self.percentiles).tolist()  # type: ignore[arg-type]
            _need_contrast(high - low, channel, name)
            voxels.sub_(low).div_(high - low).clamp_(0, 1)
            if not voxels.any():
                raise DataError(
                    f'volume {name!r} has no voxel above {low:g} in channel {channel}; remove it, or correct '
                    'prepare.window'
                )
            _need_contrast(float(voxels.max() - voxels.min()), channel, name)


def spacing_of(affine: Tensor) -> list[float]:
    """Millimetres between neighbouring voxels, per axis, of an affine `(4, 4)`."""
    return affine[:3, :3].double().norm(dim=0).tolist()


def _not_zero(image: Tensor) -> Tensor:
    return image != 0


def _need_contrast(spread: float, channel: int, name: str) -> None:
    if not spread > 0:
        raise DataError(f'volume {name!r} has no contrast in channel {channel}; remove it')

"""The augmentation of fine-tuning: random crop, flip, RandAugment or colour jitter."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from torch import Tensor
from torchvision.transforms import ColorJitter

from pretrain.data.augment import crop_image, random_crop_box, resize, to_tensor
from pretrain.data.card import IMAGENET_MEAN
from pretrain.errors import ConfigError
from pretrain.registry import TRANSFORMS

FILTERS = {'bicubic': Image.Resampling.BICUBIC, 'bilinear': Image.Resampling.BILINEAR}


@TRANSFORMS.register_module()
class FinetuneAugment:
    """Random resized crop, horizontal flip, then RandAugment or colour jitter (timm's `create_transform`, which all
    published recipes call).

    Args:
        size: output `(H, W)` or one int.
        scale, ratio: area fraction and aspect ratio of the crop.
        interpolation: `bicubic` or `bilinear`, of the crop and of RandAugment's geometric operations.
        flip: its probability.
        rand_augment: timm's description: `rand-m9-mstd0.5-inc1`.
        color_jitter: strength of brightness, contrast and saturation. ConfigError beside `rand_augment`: timm leaves
            it out then, whatever the command line of a recipe says.
        fill: mean of the pixels in [0, 1]; the colour that rotations and shears bring in.

    Random erasing and mixing happen later, on normalised batches. Draws from Python's, NumPy's
    and torch's generators. Returns `dict(image=(C, H, W) uint8)`.
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = 'bicubic',
        flip: float = 0.5,
        rand_augment: str | None = None,
        color_jitter: float | None = None,
        fill: Sequence[float] = IMAGENET_MEAN,
    ):
        if interpolation not in FILTERS:
            raise ConfigError(f'interpolation {interpolation!r} is not one of {", ".join(FILTERS)}')
        if rand_augment and color_jitter:
            raise ConfigError('color_jitter has no effect beside rand_augment in published recipes; set one of them')
        self.size: tuple[int, int] = (size, size) if isinstance(size, int) else (size[0], size[1])
        self.scale, self.ratio, self.interpolation, self.flip = scale, ratio, interpolation, flip
        self.colours: list | None = None  # for RGB and for grey images
        if rand_augment:
            fills = (fill, [sum(fill) / len(fill)])
            self.colours = [timm_rand_augment(rand_augment, min(self.size), f, FILTERS[interpolation]) for f in fills]
        elif color_jitter:
            self.colours = [ColorJitter(color_jitter, color_jitter, color_jitter)] * 2

    def __call__(self, image: Image.Image | Tensor) -> dict[str, Tensor]:
        if isinstance(image, Tensor):
            raise ConfigError(
                f'FinetuneAugment takes images of 1 or 3 channels, this one has {image.shape[0]}; use PretrainAugment'
            )
        box = random_crop_box(image.height, image.width, self.scale, self.ratio)
        crop: Any = resize(crop_image(image, *box), self.size, self.interpolation)
        if torch.rand(1) < self.flip:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.colours is not None:
            crop = self.colours[crop.mode == 'L'](crop)
        return {'image': to_tensor(crop)}


def timm_rand_augment(description: str, side: int, fill: Sequence[float], filter_: Image.Resampling):
    """timm's RandAugment. Translations reach 45 % of the shorter side (timm's `transforms_imagenet_train`).

    Args:
        description: timm's, such as `rand-m9-mstd0.5-inc1`; ConfigError for another one.
        fill: mean of the pixels in [0, 1], for each channel.
        filter_: of geometric operations.
    """
    hints = {
        'translate_const': int(side * 0.45),
        'img_mean': tuple(min(255, round(255 * x)) for x in fill),
        'interpolation': filter_,
    }
    try:
        return rand_augment_transform(description, hints)
    except (AssertionError, ValueError, KeyError) as error:
        raise ConfigError(
            f'rand_augment {description!r} is not understood by timm; try rand-m9-mstd0.5-inc1'
        ) from error

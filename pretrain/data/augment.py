"""Augmentations of the pre-training recipes, and the deterministic one for evaluation.

A transform is any callable that takes one image and returns a `(C, H, W)` tensor or a dict with the key `image`. It
gets a Pillow image, or a uint8 `(C, H, W)` tensor when it has the attribute `wants_tensor = True` or when the number of
channels is neither 1 nor 3. It draws from the global generators, which the data set seeds for every sample.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as nnf
from PIL import Image
from torch import Tensor
from torchvision.transforms import ColorJitter

from pretrain.errors import ConfigError
from pretrain.registry import TRANSFORMS

_PIL_FILTERS = {
    'bilinear': Image.Resampling.BILINEAR,
    'bicubic': Image.Resampling.BICUBIC,
    'lanczos': Image.Resampling.LANCZOS,
}
_TENSOR_FILTERS = ('bilinear', 'bicubic')
Size: TypeAlias = int | tuple[int, int]
Picture: TypeAlias = Image.Image | Tensor


@TRANSFORMS.register_module()
class PretrainAugment:
    """Colour jitter, horizontal flip and random resized crop, in this order (BEiT's; the last two commute).

    Args:
        size: output `(H, W)` or one int.
        scale, ratio: area fraction and aspect ratio of the crop, as torchvision's RandomResizedCrop: ten attempts,
            then the largest centred crop of an allowed ratio.
        interpolation: `bicubic`, `bilinear` or `lanczos`, always antialiased.
        flip: probability of the flip.
        color_jitter: ranges of brightness, contrast, saturation (and hue) for torchvision's ColorJitter.
        second: the same crop once more, under the key `second`, at its own `size` and `interpolation`:
            `dict(size=112, interpolation='lanczos')` is what BEiT's tokenizer sees.
        backend: `pil` resizes as the published recipes do. `tensor` decodes to the same pixels and resizes in torch:
            the same filter with other rounding (at most 3 of 255 levels apart) and a third of the time. None: `tensor`,
            but `pil` where colour jitter or lanczos ask for it.

    Returns a dict of contiguous uint8 `(C, H, W)` tensors: `image`, and `second` if wanted.
    """

    def __init__(
        self,
        size: Size,
        scale: tuple[float, float] = (0.2, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = 'bicubic',
        flip: float = 0.5,
        color_jitter: Sequence[float] | None = None,
        second: dict | None = None,
        backend: str | None = None,
    ):
        if not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise ConfigError(
                f'crop scale {scale} or ratio {ratio} is not (low, high) with 0 < low <= high, scale <= 1'
            )
        if not 0 <= flip <= 1:
            raise ConfigError(f'flip probability {flip} is not in [0, 1]')
        self.scale, self.ratio, self.flip = scale, ratio, flip
        self.outputs = {'image': _output(size, interpolation)}
        if second is not None:
            self.outputs['second'] = _output(**{'interpolation': interpolation, **second})
        self.jitter = ColorJitter(*color_jitter) if color_jitter is not None else None
        filters = [name for _, name in self.outputs.values()]
        self.wants_tensor = _choose_backend(backend, self.jitter is not None, filters) == 'tensor'

    def __call__(self, image: Picture) -> dict[str, Tensor]:
        if self.jitter is not None:
            image = _jittered(image, self.jitter)
        flip = bool(torch.rand(1) < self.flip)
        height, width = _size_of(image)
        top, left, h, w = random_crop_box(height, width, self.scale, self.ratio)
        if flip:
            # Flipping the small result equals flipping first and cropping at the mirrored place.
            left = width - w - left
        crop = crop_image(image, top, left, h, w)
        return {key: to_tensor(resize(crop, *output), flip) for key, output in self.outputs.items()}


@TRANSFORMS.register_module()
class EvalAugment:
    """Resize the shorter side, then crop the centre: `EvalAugment(256, 224)` is MAE's evaluation. Draws nothing.

    Args:
        resize: length of the shorter side, `(H, W)` to ignore the aspect ratio, or None to keep the size.
        crop: size of the centre crop; None keeps everything.
        interpolation: as in PretrainAugment. Pillow resizes 1 and 3 channels, so scores do not depend on a backend.

    Returns `dict(image=(C, H, W) uint8)`. Raises ConfigError for a crop that is larger than the resized image.
    """

    def __init__(self, resize: Size | None = 256, crop: Size | None = 224, interpolation: str = 'bicubic'):
        self.resize = resize
        self.crop = _pair(crop) if crop is not None else None
        self.interpolation = _output(224, interpolation)[1]

    def __call__(self, image: Picture) -> dict[str, Tensor]:
        if self.resize is not None:
            image = resize(image, _resized(self.resize, *_size_of(image)), self.interpolation)
        if self.crop is not None:
            height, width = _size_of(image)
            h, w = self.crop
            if h > height or w > width:
                raise ConfigError(
                    f'crop {self.crop} exceeds the resized image {(height, width)}; set resize to {h} or more'
                )
            image = crop_image(image, round((height - h) / 2), round((width - w) / 2), h, w)
        return {'image': to_tensor(image)}


def _resized(size: Size, height: int, width: int) -> tuple[int, int]:
    """The output size; an int is that of the shorter side, the other is rounded down, as torchvision does."""
    if not isinstance(size, int):
        return _pair(size)
    if height <= width:
        return size, int(size * width / height)
    return int(size * height / width), size


def _jittered(image: Picture, jitter: ColorJitter) -> Picture:
    channels = image.shape[0] if isinstance(image, Tensor) else len(image.getbands())
    if channels not in (1, 3):
        raise ConfigError(f'color_jitter needs 1 or 3 channels, the image has {channels}; set color_jitter=None')
    return jitter(image)


def random_crop_box(
    height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int, int, int]:
    """`(top, left, height, width)` by the rule of torchvision's RandomResizedCrop, with the same draws.

    The area is uniform in `scale` times the image's, the logarithm of the aspect ratio uniform in that of `ratio`, the
    place uniform. After ten boxes that do not fit, it is the largest centred one of an allowed ratio.
    """
    area = height * width
    for _ in range(10):
        target = area * _uniform(*scale)
        aspect = math.exp(_uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(torch.randint(height - h + 1, (1,))), int(torch.randint(width - w + 1, (1,))), h, w
    w, h = width, height
    if width / height < ratio[0]:
        h = round(width / ratio[0])
    elif width / height > ratio[1]:
        w = round(height * ratio[1])
    return (height - h) // 2, (width - w) // 2, h, w


def _uniform(low: float, high: float) -> float:
    return torch.empty(1).uniform_(low, high).item()


def crop_image(image: Picture, top: int, left: int, height: int, width: int) -> Picture:
    if isinstance(image, Tensor):
        return image[:, top : top + height, left : left + width]
    # Not `resize(box=...)`: that filter also reads pixels outside the box.
    return image.crop((left, top, left + width, top + height))


def resize(image: Picture, size: tuple[int, int], interpolation: str) -> Picture:
    """Antialiased resize to `(H, W)`; the image itself when it has that size."""
    if _size_of(image) == size:
        return image
    if not isinstance(image, Tensor):
        return image.resize((size[1], size[0]), _PIL_FILTERS[interpolation])
    if interpolation not in _TENSOR_FILTERS:
        raise ConfigError(f'{interpolation!r} needs an image of 1 or 3 channels, it has {image.shape[0]}; use bicubic')
    return nnf.interpolate(image.unsqueeze(0), size, mode=interpolation, antialias=True, align_corners=False)[0]


def to_tensor(image: Picture, flip: bool = False) -> Tensor:
    """A contiguous uint8 `(C, H, W)` tensor, mirrored if asked."""
    if isinstance(image, Tensor):
        array = image.numpy()
    else:
        array = np.asarray(image)
        array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    if flip:
        array = array[:, :, ::-1]
    return torch.from_numpy(array.copy(order='C'))


def _size_of(image: Picture) -> tuple[int, int]:
    return (image.shape[1], image.shape[2]) if isinstance(image, Tensor) else (image.height, image.width)


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _output(size: Size, interpolation: str) -> tuple[tuple[int, int], str]:
    if interpolation not in _PIL_FILTERS:
        raise ConfigError(f'interpolation {interpolation!r} is not one of {", ".join(_PIL_FILTERS)}')
    return _pair(size), interpolation


def _choose_backend(backend: str | None, jitter: bool, filters: list[str]) -> str:
    needs_pil = jitter or any(name not in _TENSOR_FILTERS for name in filters)
    if backend is None:
        return 'pil' if needs_pil else 'tensor'
    if backend not in ('pil', 'tensor'):
        raise ConfigError(f"backend {backend!r} is not one of 'pil', 'tensor', None")
    if backend == 'tensor' and needs_pil:
        raise ConfigError("backend='tensor' has neither colour jitter nor lanczos; use backend='pil' or None")
    return backend

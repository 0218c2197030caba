"""From stored bytes or arrays to 8-bit images.

How values map to [0, 1], which is what statistics and models see (`uint8 / 255`):

- 8-bit files and `uint8` arrays: `v / 255`.
- 16-bit grey files (PNG, TIFF) and `uint16` arrays: `v / 65535`, rounded to 8 bits. Pillow's own conversion would clip
  at 255 and turn them white. Data of fewer bits in 16-bit files (12-bit X-rays) needs `value_range=(0, 4095)`.
- float files and arrays: `value_range` if given, otherwise they must lie in [0, 1].

Colour: grey becomes RGB by repetition, RGB becomes grey by ITU-R 601-2 luma (Pillow `L`), alpha is dropped, palette and
CMYK are converted by Pillow. EXIF orientation is ignored, as the ImageNet recipes do. Truncated files are an error.
"""

import io
import re
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

from pretrain.errors import DataError

_FULL_SCALE = {'uint8': (0, 255), 'uint16': (0, 65535)}
_WIDE_MODES = ('I', 'F')
ValueRange: TypeAlias = tuple[float, float] | None


def decode_pil(data: bytes | np.ndarray, channels: int = 3, value_range: ValueRange = None) -> Image.Image:
    """An `RGB` (channels=3) or `L` (channels=1) image. Raises what the decoder raises, or ValueError."""
    if channels not in (1, 3):
        raise ValueError(f'{channels} channels do not fit a Pillow image')
    mode = 'RGB' if channels == 3 else 'L'
    if isinstance(data, np.ndarray):
        array = to_uint8(data, value_range)
        return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).convert(mode)
    image: Image.Image = Image.open(io.BytesIO(data))
    if image.mode.startswith(_WIDE_MODES):
        return Image.fromarray(to_uint8(_wide_array(image), value_range)[..., 0]).convert(mode)
    if image.mode == 'P' and 'transparency' in image.info:
        image = image.convert('RGBA')
    image.load()
    return image if image.mode == mode else image.convert(mode)


def decode_tensor(data: bytes | np.ndarray, channels: int = 3, value_range: ValueRange = None) -> Tensor:
    """A `(C, H, W)` uint8 tensor of the same values as `decode_pil`, not necessarily contiguous.

    Arrays may have any number of channels; it must equal `channels`, except that grey and RGB convert.
    """
    if isinstance(data, np.ndarray):
        array = to_uint8(data, value_range)
        if array.shape[-1] == channels:
            return torch.from_numpy(array).permute(2, 0, 1)
        if {array.shape[-1], channels} != {1, 3}:
            raise ValueError(f'the image has {array.shape[-1]} channels, expected {channels}')
    elif data[:3] == b'\xff\xd8\xff':
        fast = _decode_jpeg(data, channels)
        if fast is not None:
            return fast
    image = np.array(decode_pil(data, channels, value_range))
    return torch.from_numpy(image[..., None] if channels == 1 else image).permute(2, 0, 1)


def stored_channels(data: bytes | np.ndarray) -> int:
    """Channels to read an image with: those of an array, 1 for a grey file, else 3 (alpha and palettes become RGB)."""
    if isinstance(data, np.ndarray):
        return data.shape[2] if data.ndim == 3 else 1
    mode = Image.open(io.BytesIO(data)).mode
    return 1 if mode in ('1', 'L') or mode.startswith(_WIDE_MODES) else 3


def _decode_jpeg(data: bytes, channels: int) -> Tensor | None:
    """By torchvision, whose pixels equal Pillow's and need no further copy.

    None where a conversion is Pillow's, and where torchvision gives up: whether a file counts as damaged is for Pillow
    to say, whatever the transform.
    """
    try:
        image = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.UNCHANGED)
    except RuntimeError:
        return None
    if image.shape[0] == channels:
        return image
    return image.expand(3, -1, -1) if (image.shape[0], channels) == (1, 3) else None


def to_uint8(array: np.ndarray, value_range: ValueRange = None) -> np.ndarray:
    """`(H, W)` or `(H, W, C)` of any real type to `(H, W, C)` uint8, by the rules above.

    With `value_range`, values are mapped from it to [0, 1] and clipped. Raises ValueError for other shapes and types,
    for values that are not finite, and for floats outside [0, 1] without a `value_range`.
    """
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f'array of shape {array.shape}, expected (H, W) or (H, W, C)')
    array = array if array.ndim == 3 else array[..., None]
    if array.dtype == np.uint8 and value_range is None:
        return np.ascontiguousarray(array)
    known = _FULL_SCALE.get(array.dtype.name, (0.0, 1.0))
    low, high = known if value_range is None else value_range
    if value_range is None and array.dtype.kind not in 'uf':
        raise ValueError(f'array of type {array.dtype} has no known range; set value_range=(low, high)')
    unit = (array.astype(np.float64) - low) / (high - low)
    if not np.isfinite(unit).all():
        raise ValueError('the image holds NaN or infinity')
    if value_range is None and (unit.min() < 0 or unit.max() > 1):
        raise ValueError(f'values from {array.min()} to {array.max()} exceed [0, 1]; set value_range=(low, high)')
    return np.rint(unit.clip(0, 1) * 255).astype(np.uint8)


def _wide_array(image: Image.Image) -> np.ndarray:
    """A 16-bit (modes `I;16...`, and `I` from older Pillow), 32-bit or float image as an array."""
    array = np.asarray(image)
    if image.mode == 'I' and array.min() >= 0 and array.max() <= 65535:
        return array.astype(np.uint16)
    return array.astype(array.dtype.newbyteorder('='))


def damaged(name: str, error: Exception) -> DataError:
    """The error for an image that cannot be read, naming it."""
    cause = re.sub(r' *<\S+ object at 0x\w+>', '', ' '.join(str(error).split())) or type(error).__name__
    return DataError(f'image {name!r} cannot be decoded: {cause}; replace or remove it')

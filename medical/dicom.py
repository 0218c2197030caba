"""DICOM files beside ordinary images: one grey frame as it is meant to be seen, folders, and a data set over them."""

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pretrain.data.dataset import ImageDataset
from pretrain.data.locate import source_config
from pretrain.data.sources.base import is_image, read_file
from pretrain.data.sources.folder import FolderSource
from pretrain.data.sources.listing import ListSource
from pretrain.errors import UserError
from pretrain.registry import DATASETS

EXTENSIONS = ('.dcm', '.dicom')


class Radiographs:
    """What makes a source of image files take DICOM files, too, by their extension.

    Raises UserError when there is one and pydicom is not installed.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        need_pydicom(self._paths)  # type: ignore[attr-defined]  # of the source that this is mixed into

    @staticmethod
    def wanted(name: str) -> bool:
        return is_image(name) or is_dicom(name)

    def read(self, i: int) -> bytes | np.ndarray:
        return read_image(self.name(i))  # type: ignore[attr-defined]


@DATASETS.register_module()
class RadiographFolder(Radiographs, FolderSource):
    """A FolderSource of ordinary images and DICOM files."""


@DATASETS.register_module()
class RadiographList(Radiographs, ListSource):
    """A ListSource of ordinary images and DICOM files."""


@DATASETS.register_module()
class RadiographDataset(ImageDataset):
    """An ImageDataset whose folders and lists, when a command line names them, may hold DICOM files."""

    own = {'FolderSource': 'RadiographFolder', 'ListSource': 'RadiographList'}

    @classmethod
    def locate(cls, paths: Sequence[str]) -> dict[str, Any]:
        """The source of data that a command line names."""
        found = [source_config(path) for path in paths]
        found = [{**source, 'type': cls.own.get(source['type'], source['type'])} for source in found]
        return found[0] if len(found) == 1 else {'type': 'JoinedSource', 'sources': found}


def is_dicom(path: str) -> bool:
    return path.lower().endswith(EXTENSIONS)


def read_image(path: str) -> bytes | np.ndarray:
    """A stored image: the bytes of the file, the array of an `.npy`, or the pixels of a DICOM file."""
    return read_dicom(path) if is_dicom(path) else read_file(path)


def read_dicom(path: str) -> np.ndarray:
    """Pixels `(H, W)` uint8: through the modality LUT or slope and intercept, then the VOI LUT or the window that the
    file names first, stretched over their range; MONOCHROME1 is inverted, so that bone is bright. Padding (PS3.3
    C.7.5.1.1.2), which is no picture, does not count in the range and is black.

    Two files with one window need not end in one scale: a picture that does not reach the ends of its window is
    stretched to them, and one without a window over its own minimum and maximum.

    Raises UserError without pydicom, or without a plugin of it that the file's compression needs; ValueError for
    another file, several frames or colour.
    """
    need_pydicom([path])
    pydicom, pixel_functions, errors = (
        importlib.import_module(f'pydicom{part}') for part in ('', '.pixels', '.errors')
    )
    try:
        content = pydicom.dcmread(path)
    except errors.InvalidDicomError as error:
        raise ValueError('it has no DICOM header') from error
    kind, frames = getattr(content, 'PhotometricInterpretation', None), getattr(content, 'NumberOfFrames', None) or 1
    if kind not in ('MONOCHROME1', 'MONOCHROME2') or int(frames) > 1:
        found = f'{frames} frame(s) of photometric interpretation {kind}' if kind else 'it holds no picture'
        raise ValueError(f'{found}; one grey frame is expected')
    _need_plugin(path, content, pixel_functions)
    stored = content.pixel_array
    pixels = pixel_functions.apply_voi_lut(pixel_functions.apply_modality_lut(stored, content), content)
    shown = ~_padding(stored, content)
    counted = pixels[shown] if shown.any() else pixels
    low, high = float(counted.min()), float(counted.max())
    unit = ((pixels.astype(np.float64) - low) / max(high - low, 1e-12)).clip(0, 1)
    if kind == 'MONOCHROME1':
        unit = 1 - unit
    return np.rint(unit * shown * 255).astype(np.uint8)


def _padding(stored: np.ndarray, content: Any) -> np.ndarray:
    """Which stored values are Pixel Padding Value, or between it and Pixel Padding Range Limit; bool of their shape."""
    value = getattr(content, 'PixelPaddingValue', None)
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = getattr(content, 'PixelPaddingRangeLimit', value)
    return (stored >= min(value, limit)) & (stored <= max(value, limit))


def _need_plugin(path: str, content: Any, pixel_functions: Any) -> None:
    """Raise UserError where no plugin that is installed decompresses the file: it is not the file that is broken."""
    syntax = content.file_meta.TransferSyntaxUID
    if syntax.is_compressed and not pixel_functions.get_decoder(syntax).is_available:
        raise UserError(
            f'{path} is compressed ({syntax.name}), and pydicom has no plugin for it; install pylibjpeg, '
            'pylibjpeg-libjpeg and pylibjpeg-openjpeg, or decompress the files'
        )


def need_pydicom(paths: Iterable[str]) -> None:
    """Raise UserError when a path is a DICOM file that nothing here can read."""
    first = next((path for path in paths if is_dicom(path)), None)
    if first is None:
        return
    try:
        importlib.import_module('pydicom.pixels')
    except ImportError as error:
        raise UserError(
            f'{first} is a DICOM file, which needs the package pydicom from version 3; install it, or convert to PNG'
        ) from error

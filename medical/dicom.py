"""DICOM files beside ordinary images: one grey frame as it is meant to be seen, folders, and a data set over them."""

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pretrain.data.dataset import ImageDataset
from pretrain.data.locate import source_config
from pretrain.data.sources.base import is_image, read_file
from pretrain.data.sources.folder import FolderSource
from pretrain.errors import UserError
from pretrain.registry import DATASETS

EXTENSIONS = ('.dcm', '.dicom')


@DATASETS.register_module()
class RadiographFolder(FolderSource):
    """A FolderSource that takes DICOM files, too, by their extension.

    Raises UserError when there is one and pydicom is not installed.
    """

    def __init__(self, root: str | Path, layout: str = 'auto', classes: Sequence[str] | None = None):
        super().__init__(root, layout, classes)
        need_pydicom(self._paths)

    @staticmethod
    def wanted(name: str) -> bool:
        return is_image(name) or is_dicom(name)

    def read(self, i: int) -> bytes | np.ndarray:
        return read_image(self.name(i))


@DATASETS.register_module()
class RadiographDataset(ImageDataset):
    """An ImageDataset whose folders, when a command line names them, may hold DICOM files."""

    @classmethod
    def locate(cls, paths: Sequence[str]) -> dict[str, Any]:
        """The source of data that a command line names."""
        found = [source_config(path) for path in paths]
        found = [{**source, 'type': 'RadiographFolder'} if 'root' in source else source for source in found]
        return found[0] if len(found) == 1 else {'type': 'JoinedSource', 'sources': found}


def is_dicom(path: str) -> bool:
    return path.lower().endswith(EXTENSIONS)


def read_image(path: str) -> bytes | np.ndarray:
    """A stored image: the bytes of the file, the array of an `.npy`, or the pixels of a DICOM file."""
    return read_dicom(path) if is_dicom(path) else read_file(path)


def read_dicom(path: str) -> np.ndarray:
    """Pixels `(H, W)` uint8: through the modality LUT or slope and intercept, then the VOI LUT or the window that the
    file names first, stretched over their range; MONOCHROME1 is inverted, so that bone is bright.

    Two files with one window need not end in one scale: a picture that does not reach the ends of its window is
    stretched to them, and one without a window over its own minimum and maximum.

    Raises UserError without pydicom, ValueError for several frames or colour.
    """
    need_pydicom([path])
    pydicom, pixel_functions = (importlib.import_module(name) for name in ('pydicom', 'pydicom.pixels'))
    content = pydicom.dcmread(path)
    pixels = content.pixel_array
    if pixels.ndim != 2:
        raise ValueError(f'pixels of shape {pixels.shape}; one grey frame is expected')
    pixels = pixel_functions.apply_voi_lut(pixel_functions.apply_modality_lut(pixels, content), content)
    low, high = float(pixels.min()), float(pixels.max())
    unit = (pixels.astype(np.float64) - low) / max(high - low, 1e-12)
    if getattr(content, 'PhotometricInterpretation', '') == 'MONOCHROME1':
        unit = 1 - unit
    return np.rint(unit * 255).astype(np.uint8)


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

"""Images as one NumPy array."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pretrain.data.sources.base import existing
from pretrain.errors import DataError
from pretrain.registry import DATASETS


@DATASETS.register_module()
class ArraySource:
    """Images `(N, H, W)` or `(N, H, W, C)` in an `.npz` (as MedMNIST stores them) or an `.npy` file.

    Args:
        file: the file. An `.npy` is memory-mapped; an `.npz` is read whole, once in each process.
        images, labels: names of the arrays in the `.npz`; labels are `(N,)` or `(N, 1)` integers. A missing array of
            labels means no labels. An `.npy` has none.
        classes: class names in label order.

    Raises DataError for a missing array, other shapes, or multi-label data.
    """

    def __init__(
        self,
        file: str | Path,
        images: str = 'train_images',
        labels: str = 'train_labels',
        classes: Sequence[str] | None = None,
    ):
        self.file = str(existing(file, 'array file'))
        self.classes = list(classes) if classes is not None else None
        self._key = images
        self._images: np.ndarray | None = None
        self._labels = self._load_labels(labels)
        if self._array.ndim not in (3, 4):
            raise DataError(f'{self.name(0)} has shape {self._array.shape}, expected (N, H, W) or (N, H, W, C)')
        if self._labels is not None and len(self._labels) != len(self):
            raise DataError(f'{self.file!r} has {len(self)} images but {len(self._labels)} labels')

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_images': None}

    def __len__(self) -> int:
        return len(self._array)

    def name(self, i: int) -> str:
        return f'{self.file}:{self._key}[{i}]' if self.file.endswith('.npz') else f'{self.file}[{i}]'

    def read(self, i: int) -> np.ndarray:
        return np.asarray(self._array[i])

    def label(self, i: int) -> int | None:
        return None if self._labels is None else int(self._labels[i])

    @property
    def _array(self) -> np.ndarray:
        if self._images is None:
            self._images = self._load_images()
        return self._images

    def _load_images(self) -> np.ndarray:
        try:
            if not self.file.endswith('.npz'):
                return np.load(self.file, mmap_mode='r', allow_pickle=False)
            with np.load(self.file, allow_pickle=False) as arrays:
                if self._key not in arrays:
                    raise DataError(f'{self.file!r} has no array {self._key!r}; it has {", ".join(arrays.files)}')
                return arrays[self._key]
        except (OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f'array file {self.file!r} cannot be read: {error}') from error

    def _load_labels(self, key: str) -> np.ndarray | None:
        if not self.file.endswith('.npz') or self._array is None:
            return None
        with np.load(self.file, allow_pickle=False) as arrays:
            if key not in arrays:
                return None
            labels = arrays[key]
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1 or labels.dtype.kind not in 'iu':
            raise DataError(f'{self.file}:{key} is {labels.dtype} {labels.shape}, expected one integer class per image')
        return labels.astype(np.int64)

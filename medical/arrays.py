"""MedMNIST: images and labels of all parts in one `.npz`."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pretrain.data.sources.base import existing
from pretrain.errors import DataError
from pretrain.registry import DATASETS

_UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


@DATASETS.register_module()
class FindingArray:
    """`{part}_images` uint8 `(N, H, W)` or `(N, H, W, 3)` and `{part}_labels` `(N, L)` of an `.npz`.

    Args:
        file: the `.npz`.
        part: 'train', 'val' or 'test'.
        classes: names in label order.
        multi_label: None: labels of one column are classes, of several columns findings (ChestMNIST).

    Raises DataError naming file and array for what is missing or malformed.
    """

    def __init__(
        self,
        file: str | Path,
        part: str = 'train',
        classes: Sequence[str] | None = None,
        multi_label: bool | None = None,
    ):
        self.file, self.part = str(existing(file, 'array file')), part
        self._images, labels = _read(self.file, part)
        labels = labels[:, None] if labels.ndim == 1 else labels
        place = f'{self.file}:{part}_labels'
        if self._images.ndim not in (3, 4) or (self._images.ndim == 4 and self._images.shape[-1] != 3):
            raise DataError(f'{self.file}:{part}_images has shape {self._images.shape}; volumes are no images')
        if labels.ndim != 2 or labels.dtype.kind not in 'iub' or len(labels) != len(self._images):
            raise DataError(f'{place} is {labels.dtype} {labels.shape} for {len(self._images)} images')
        if not labels.size:
            raise DataError(f'{place} has shape {labels.shape}; there is nothing to train or to score')
        self.multi_label = labels.shape[1] > 1 if multi_label is None else multi_label
        if not self.multi_label and labels.shape[1] != 1:
            raise DataError(f'{place} has {labels.shape[1]} columns; one class per image has one')
        if labels.min() < 0 or (self.multi_label and labels.max() > 1):
            odd = labels.min() if labels.min() < 0 else labels.max()
            allowed = 'findings are 0 or 1' if self.multi_label else 'classes count from 0'
            raise DataError(f'{place} holds {odd}; {allowed}')
        self._labels = labels
        self.classes = list(classes) if classes is not None else None
        if self.classes is None and self.multi_label:
            self.classes = [str(i) for i in range(labels.shape[1])]

    def __len__(self) -> int:
        return len(self._images)

    def name(self, i: int) -> str:
        return f'{self.file}:{self.part}_images[{i}]'

    def read(self, i: int) -> np.ndarray:
        return self._images[i]

    def label(self, i: int) -> int | Tensor:
        return torch.from_numpy(self._labels[i].astype(np.float32)) if self.multi_label else int(self._labels[i, 0])


def _read(file: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        arrays = np.load(file, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise DataError(f'array file {file!r} holds one array, not several with names; save it with numpy.savez')
        with arrays:
            missing = [key for key in (f'{part}_images', f'{part}_labels') if key not in arrays]
            if missing:
                raise DataError(f'{file!r} has no array {missing[0]!r}; it has {", ".join(arrays.files)}')
            return arrays[f'{part}_images'], arrays[f'{part}_labels']
    except _UNREADABLE as error:
        raise DataError(f'array file {file!r} cannot be read: {" ".join(str(error).split())}; replace it') from error

"""What every source offers, and how one stored file is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from pretrain.errors import DataError

IMAGE_EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm', '.gif', '.npy')
"""Compared in lower case. `.npy` holds one image `(H, W)` or `(H, W, C)`."""


class Source(Protocol):
    """Random access to stored, still encoded images.

    A source is cheap to pickle and opens files only in the process that reads, so it can be sent to loader workers.
    """

    classes: list[str] | None
    """Class names in label order; None when unknown."""

    def __len__(self) -> int: ...

    def name(self, i: int) -> str:
        """A path-like id of image `i`, unique in the source, for messages and ledgers: `shard-000.tar:000123.jpg`."""

    def read(self, i: int) -> bytes | np.ndarray:
        """The encoded file, or an array `(H, W)` or `(H, W, C)`. Raises OSError or ValueError when damaged."""

    def label(self, i: int) -> int | None:
        """The class index; None in a source without labels."""


def is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_EXTENSIONS)


def read_file(path: str) -> bytes | np.ndarray:
    """A stored image as bytes; the array itself for `.npy`."""
    if path.lower().endswith('.npy'):
        return np.load(path, allow_pickle=False)
    with open(path, 'rb') as file:
        return file.read()


def existing(path: str | Path, what: str) -> Path:
    """The path if it exists. Raises DataError naming what was expected there."""
    path = Path(path)
    if not path.exists():
        raise DataError(f'{what} {str(path)!r} does not exist; give an existing one with --data PATH (--val PATH)')
    return path


def label_array(labels: Sequence[int | None]) -> np.ndarray | None:
    """Labels as one int64 array; None when no image has one. Raises DataError when only some have one."""
    missing = sum(label is None for label in labels)
    if missing == len(labels):
        return None
    if missing:
        raise DataError(f'{missing} of {len(labels)} images have no label; label all of them or none')
    return np.asarray(labels, dtype=np.int64)

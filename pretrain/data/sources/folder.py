"""Images as files in a folder."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pretrain.data.names import PackedStrings
from pretrain.data.sources.base import existing, is_image, read_file
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS


@DATASETS.register_module()
class FolderSource:
    """Images below `root`, in sorted order.

    Args:
        root: the folder.
        layout: `classes` takes each sub-folder as a class (searched to any depth), labels by sorted name, as
            torchvision's ImageFolder; `flat` takes every image at any depth without labels; `auto` is `classes` when
            images are found in sub-folders only, `flat` when they are found in `root` only.
        classes: class folders in label order, when sorted order is not wanted; other sub-folders are left out.

    Hidden files and folders are skipped. Symbolic links are followed, but each real folder is read once (in each
    class), so that a link to a folder above ends. Raises DataError when there is no image, a
    class folder holds none, or `auto` finds both layouts. A subclass with another `wanted` takes other files.
    """

    wanted = staticmethod(is_image)

    def __init__(self, root: str | Path, layout: str = 'auto', classes: Sequence[str] | None = None):
        if layout not in ('auto', 'classes', 'flat'):
            raise ConfigError(f"layout {layout!r} of an image folder is not one of 'auto', 'classes', 'flat'")
        self.root = str(existing(root, 'image folder'))
        if layout == 'auto':
            layout = 'classes' if classes is not None else _detect_layout(self.root, self.wanted)
        self.classes: list[str] | None = None
        self._labels: np.ndarray | None = None
        if layout == 'flat':
            paths = list(_walk(self.root, '', self.wanted, set()))
        else:
            self.classes = list(classes) if classes is not None else _subfolders(self.root)
            paths, labels = self._scan_classes(self.classes)
            self._labels = np.asarray(labels, dtype=np.int64)
        if not paths:
            raise DataError(f'no image in folder {self.root!r}; expected class sub-folders or image files')
        self._paths = PackedStrings(paths)

    def _scan_classes(self, classes: list[str]) -> tuple[list[str], list[int]]:
        paths: list[str] = []
        labels: list[int] = []
        for label, name in enumerate(classes):
            existing(os.path.join(self.root, name), 'class folder')
            found = list(_walk(self.root, name, self.wanted, {os.path.realpath(self.root)}))
            if not found:
                raise DataError(f'class folder {os.path.join(self.root, name)!r} holds no image; fill or remove it')
            paths += found
            labels += [label] * len(found)
        return paths, labels

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, i: int) -> str:
        return os.path.join(self.root, self._paths[i])

    def read(self, i: int) -> bytes | np.ndarray:
        return read_file(self.name(i))

    def label(self, i: int) -> int | None:
        return None if self._labels is None else int(self._labels[i])


def _entries(folder: str) -> list[os.DirEntry]:
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if not e.name.startswith('.')), key=lambda e: e.name)


def _subfolders(folder: str) -> list[str]:
    return [e.name for e in _entries(folder) if _is_dir(e)]


def _is_dir(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _walk(root: str, below: str, wanted: Callable[[str], bool], seen: set[str]) -> Iterator[str]:
    """Image paths relative to `root`, files and folders of one level in one sorted order.

    `seen` holds the real paths of folders that are not read (again), and gets those that are read.
    """
    folder = os.path.join(root, below)
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    for entry in _entries(folder):
        path = os.path.join(below, entry.name)
        if _is_dir(entry):
            yield from _walk(root, path, wanted, seen)
        elif wanted(entry.name):
            yield path


def _detect_layout(root: str, wanted: Callable[[str], bool]) -> str:
    direct = any(not _is_dir(e) and wanted(e.name) for e in _entries(root))
    above = os.path.realpath(root)
    below = any(next(_walk(root, name, wanted, {above}), None) is not None for name in _subfolders(root))
    if direct and below:
        raise DataError(f"folder {root!r} has images both directly and in sub-folders; set layout='flat' or 'classes'")
    return 'classes' if below else 'flat'

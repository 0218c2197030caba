"""Images named by a list file."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pretrain.data.names import PackedStrings
from pretrain.data.sources.base import existing, is_image, label_array, read_file
from pretrain.errors import DataError
from pretrain.registry import DATASETS


@DATASETS.register_module()
class ListSource:
    """One image per line: `path` or `path label`.

    Args:
        file: `.csv` (commas), `.tsv` (tabs) or any other text file (white space before an integer label, so paths may
            contain spaces). Empty lines and `#` lines are skipped; so is a first csv/tsv line that names no image.
        root: folder that relative paths start from; by default the folder of `file`.
        classes: class names in label order.

    Labels are integers, or in csv/tsv class names, which are numbered in sorted order (or in the order of `classes`).
    Raises DataError for an empty list, a line that cannot be read, or a list where only some lines have a label. A
    subclass with another `wanted` knows other names as images.
    """

    wanted = staticmethod(is_image)

    def __init__(self, file: str | Path, root: str | Path | None = None, classes: Sequence[str] | None = None):
        path = existing(file, 'list file')
        self.root = str(existing(root, 'root folder')) if root is not None else str(path.parent)
        rows = list(_rows(path, self.wanted))
        if not rows:
            raise DataError(f'list file {str(path)!r} names no image; expected lines of `path` or `path label`')
        self.classes, self._labels = _number([label for _, label in rows], classes, path)
        self._paths = PackedStrings(name for name, _ in rows)

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, i: int) -> str:
        return os.path.join(self.root, self._paths[i])

    def read(self, i: int) -> bytes | np.ndarray:
        return read_file(self.name(i))

    def label(self, i: int) -> int | None:
        return None if self._labels is None else int(self._labels[i])


def _rows(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, str | None]]:
    delimiter = {'.csv': ',', '.tsv': '\t'}.get(path.suffix.lower())
    with open(path, newline='', encoding='utf-8-sig', errors='surrogateescape') as file:
        if delimiter is None:
            for line in file:
                if line.strip() and not line.startswith('#'):
                    yield _split_text(line.strip())
            return
        for number, row in enumerate(csv.reader(file, delimiter=delimiter), start=1):
            if not row or row[0].startswith('#') or (number == 1 and not wanted(row[0])):
                continue
            if len(row) > 2:
                raise DataError(f'{path}:{number} has {len(row)} columns, expected `path` or `path{delimiter}label`')
            yield row[0], row[1].strip() if len(row) == 2 else None


def _split_text(line: str) -> tuple[str, str | None]:
    """A trailing integer is the label; anything else belongs to the path."""
    path, _, last = line.replace('\t', ' ').rpartition(' ')
    if path and last.lstrip('-').isdigit():
        return path.strip(), last
    return line, None


def _number(
    labels: list[str | None], classes: Sequence[str] | None, path: Path
) -> tuple[list[str] | None, np.ndarray | None]:
    """Class names and integer labels from the texts of the list."""
    texts = {label for label in labels if label is not None}
    names = list(classes) if classes is not None else None
    if all(text.lstrip('-').isdigit() for text in texts):
        return names, label_array([None if label is None else int(label) for label in labels])
    names = names if names is not None else sorted(texts)
    unknown = sorted(texts - set(names))
    if unknown:
        raise DataError(f'label {unknown[0]!r} in {str(path)!r} is not one of the {len(names)} classes {names[:5]}')
    order = {name: i for i, name in enumerate(names)}
    return names, label_array([None if label is None else order[label] for label in labels])

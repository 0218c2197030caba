"""Lists of examinations in the decathlon layout: `dataset.json` of MSD, and the json files of BTCV and BraTS.

A list names images and labels relative to its own folder:

    {"labels": {"0": "background", "1": "spleen"},
     "training":   [{"image": "imagesTr/img0001.nii.gz", "label": "labelsTr/label0001.nii.gz", "fold": 0}],
     "validation": [...]}

`image` may be a list of files, one per channel (BraTS). Unlabelled entries may be plain file names (MSD's `test`).
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS

FILE = 'dataset.json'


@dataclass(frozen=True)
class Case:
    """One examination: a file with all channels or one file per channel, and the file of its label if it has one."""

    images: tuple[str, ...]
    label: str | None = None

    @property
    def name(self) -> str:
        return self.images[0]


@DATASETS.register_module()
class CaseList:
    """The examinations of one part of a list, with the protocol of a Source as far as names and classes go.

    Args:
        file: the json file, or the folder that holds a `dataset.json`.
        part: the key of the list: 'training', 'validation' or 'test'.
        fold: with `fold` numbers in the entries (BraTS21) or with `folds`, the fold that is kept back: 'training' gives
            the others, 'validation' this one.
        folds: divide the entries of 'training', sorted by name, into so many folds in turns. For lists without fold
            numbers, such as MSD's own, which come without a validation part.
        first: use only so many, the first of the part: training with few labels.
        root: the folder that paths start from; by default that of the file.
        names: `{'0': 'background', '1': 'spleen'}`: names to use for the ids, which must be those of the list if it has
            "labels".

    Attributes:
        ids: of the classes in label files, background first; `classes` are their names, `listed` those of the list.

    Raises DataError naming file and key for what is missing or malformed.
    """

    def __init__(
        self,
        file: str | Path,
        part: str = 'training',
        fold: int | None = None,
        folds: int | None = None,
        first: int | None = None,
        root: str | Path | None = None,
        names: Mapping[str, str] | None = None,
    ):
        self.file = list_file(file)
        self.part, self.fold = part, fold
        content = _read(self.file)
        self.root = Path(root) if root is not None else self.file.parent
        self.ids, self.classes = _labels(content.get('labels'), self.file)
        self.listed = self.classes
        if names:
            ids, self.classes = _labels(names, self.file)
            if self.ids not in (None, ids):
                raise DataError(f'{self.file}: "labels" has ids {self.ids}, names of the config {ids}; make them equal')
            self.ids = ids
        self.cases = [self._case(entry) for entry in _chosen(content, part, fold, folds, self.file)]
        if not self.cases:
            raise DataError(f'{self.file}: part {part!r}{f" of fold {fold}" if fold is not None else ""} is empty')
        if first is not None:
            if not 1 <= first <= len(self.cases):
                raise ConfigError(f'source.first is {first}; {self.file} has {len(self.cases)} for {part}')
            self.cases = self.cases[:first]
        names = [case.name for case in self.cases]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f'{self.file}: {part} names {twice} twice; remove one of them')

    def __len__(self) -> int:
        return len(self.cases)

    def name(self, i: int) -> str:
        return self.cases[i].name

    def label(self, i: int) -> str | None:
        return self.cases[i].label

    def _case(self, entry: Mapping) -> Case:
        images = [entry['image']] if isinstance(entry['image'], str) else entry['image']
        label = entry.get('label')
        if isinstance(label, list):
            raise DataError(f'{self.file}: {images[0]} has {len(label)} label files; write one, with an id per voxel')
        if not isinstance(label, str | None):
            raise DataError(f'{self.file}: "label" of {images[0]} is {label!r}; write the name of a file')
        return Case(tuple(str(self.root / image) for image in images), label and str(self.root / label))


def list_file(path: str | Path) -> Path:
    """The json file that a person means by a path: itself, or the `dataset.json` of a folder."""
    path = Path(path)
    found = path / FILE if path.is_dir() else path
    if not found.is_file():
        raise DataError(f'{found}: no such list; give a json file in decathlon layout, or a folder with {FILE}')
    return found


def _read(file: Path) -> dict:
    try:
        content = json.loads(file.read_text(encoding='utf-8-sig'))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f'{file} is not valid JSON: {error}; repair it') from error
    if not isinstance(content, dict):
        raise DataError(f'{file} holds a {type(content).__name__}; expected an object with "training" in it')
    if 'file_ending' in content and 'training' not in content:
        raise DataError(f'{file} is in the layout of nnU-Net, without lists; write "training" and "validation" lists')
    return content


def _entries(content: dict, part: str, file: Path) -> list[dict]:
    """All entries of a part, checked. DataError naming file and entry for one that is malformed."""
    listed = content.get(part) or []
    if not isinstance(listed, list):
        raise DataError(f'{file}: "{part}" is {_kind(listed)}; write a list of {{"image": ..., "label": ...}}')
    entries = []
    for number, entry in enumerate(listed):
        entry = {'image': entry} if isinstance(entry, str) else entry
        place = f'{file}: "{part}"[{number}]'
        if not isinstance(entry, Mapping) or 'image' not in entry:
            raise DataError(f'{place} has no "image": {str(entry)[:80]}')
        images = [entry['image']] if isinstance(entry['image'], str) else entry['image']
        if not isinstance(images, list) or not images or not all(isinstance(image, str) and image for image in images):
            raise DataError(f'{place}: "image" is {str(images)[:80]!r}; write the name of a file, or a list of names')
        entries.append(dict(entry))
    return entries


def _kind(value: Any) -> str:
    return {dict: 'an object', list: 'a list', str: 'a word'}.get(type(value), repr(value))


def _chosen(content: dict, part: str, fold: int | None, folds: int | None, file: Path) -> list[dict]:
    """The entries that a part consists of."""
    if fold is None:
        if folds is not None:
            raise ConfigError(f'folds={folds} needs fold, the number of the one kept back, 0 to {folds - 1}')
        entries = _entries(content, part, file)
        if not entries:
            there = ', '.join(key for key, value in content.items() if isinstance(value, list) and value)
            raise DataError(
                f'{file} has no part {part!r}, only {there or "none"}; name another list with --val, or divide the '
                'training part with fold=0, folds=5 of both data sets'
            )
        return entries
    if part not in ('training', 'validation'):
        raise ConfigError(f'part {part!r} has no folds; use training or validation')
    entries = _entries(content, 'training', file)
    if folds is not None:
        if not 0 <= fold < folds:
            raise ConfigError(f'fold is {fold}; it must lie in 0..{folds - 1}')
        entries.sort(key=lambda entry: str(entry['image']))
        numbers = [i % folds for i in range(len(entries))]
    else:
        numbers = [entry.get('fold') for entry in entries]
        if not all(isinstance(number, int) for number in numbers):
            raise DataError(
                f'{file}: not every training entry has a number as "fold"; add them, or set folds to divide it here'
            )
        if fold not in numbers:
            there = ', '.join(map(str, sorted(set(numbers))))
            raise ConfigError(f'fold is {fold}; {file} has the folds {there or "none"}')
    return [entry for entry, number in zip(entries, numbers) if (number == fold) == (part == 'validation')]


def _labels(labels: Any, file: Path) -> tuple[list[int] | None, list[str] | None]:
    """Ids and names in order of the ids, from `{"1": "spleen"}` or nnU-Net's `{"spleen": 1}`; None where not listed."""
    if not labels:
        return None, None
    if not isinstance(labels, Mapping):
        raise DataError(f'{file}: "labels" is {_kind(labels)}; write {{"0": "background", "1": "spleen"}}')
    regions = [name for name, ids in labels.items() if isinstance(ids, list)]
    if regions:
        raise DataError(
            f'{file}: "labels" has the region {regions[0]!r} of the ids {labels[regions[0]]}; write one name for each '
            'id, and the regions into model.regions of the config'
        )
    turned = not all(_is_id(key) for key in labels)
    pairs = [(value, key) if turned else (key, value) for key, value in labels.items()]
    odd = [number for number, _ in pairs if not _is_id(number)]
    if odd:
        raise DataError(f'{file}: "labels" has {odd[0]!r} in the place of an id; ids are whole numbers from 0')
    pairs = sorted((int(number), str(name)) for number, name in pairs)
    ids, names = [number for number, _ in pairs], [name for _, name in pairs]
    if ids[0] != 0 or len(set(ids)) < len(ids) or len(set(names)) < len(names):
        raise DataError(f'{file}: "labels" needs 0 for the background, and each id and name once; found {dict(pairs)}')
    return ids, names


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and str(value).isdecimal()


def same_cases(one: Sequence[Case], other: Sequence[Case]) -> list[str]:
    """Image files that are in both lists, whatever way leads to them: `..` and symbolic links are followed."""
    files = [{os.path.realpath(image) for case in cases for image in case.images} for cases in (one, other)]
    return sorted(files[0] & files[1])

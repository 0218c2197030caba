"""Sources of images with findings: NIH and CheXpert tables, and what a path means.

A label is an int (one class per image), or a float32 tensor `(findings,)` of 0, 1 and NaN for "not known".
"""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medical.dicom import need_pydicom, read_image
from pretrain.data.names import PackedStrings
from pretrain.data.sources.base import existing
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS

NIH = (
    'Atelectasis',
    'Cardiomegaly',
    'Effusion',
    'Infiltration',
    'Mass',
    'Nodule',
    'Pneumonia',
    'Pneumothorax',
    'Consolidation',
    'Edema',
    'Emphysema',
    'Fibrosis',
    'Pleural_Thickening',
    'Hernia',
)
"""ChestX-ray14, in the order of its paper and of the published lists."""
CHEXPERT = ('Atelectasis', 'Cardiomegaly', 'Consolidation', 'Edema', 'Pleural Effusion')
"""The five findings that CheXpert's competition scores."""
UNCERTAIN = ('ignore', 'zeros', 'ones')
PATIENTS = (re.compile(r'(?:^|/)(patient\d+)/'), re.compile(r'(?:^|/)(\d{8})_\d{3}\.\w+$'))
"""How names say whose image it is: CheXpert's folder of a patient, and the first field of NIH's file names."""


class FindingSource:
    """Image files with a row of findings each; base of the tables below. DataError for an image that is named twice.

    Attributes:
        classes: the findings; `multi_label` is True.
    """

    multi_label = True

    def __init__(
        self, root: str | Path, names: Sequence[str], rows: Sequence[Sequence[float]], findings: Sequence[str]
    ):
        self.root, self.classes = str(root), list(findings)
        if len(set(names)) < len(names):
            twice = next(name for name, count in Counter(names).items() if count > 1)
            raise DataError(f'{twice} is named {names.count(twice)} times with a row of findings; keep one of them')
        need_pydicom(names)
        self._paths = PackedStrings(names)
        self._labels = np.asarray(rows, dtype=np.float32).reshape(len(names), len(self.classes))

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, i: int) -> str:
        return os.path.join(self.root, self._paths[i])

    def read(self, i: int) -> bytes | np.ndarray:
        return read_image(self.name(i))

    def label(self, i: int) -> Tensor:
        return torch.from_numpy(self._labels[i].copy())


@DATASETS.register_module()
class FindingList(FindingSource):
    """`name 0 1 0 ...` per line, without header: the lists of ChestX-ray14 in medical_mae and others.

    Args:
        file: the list; empty lines are skipped.
        root: folder of the images; by default that of the list.
        findings: what the columns are.
    """

    def __init__(self, file: str | Path, root: str | Path | None = None, findings: Sequence[str] = NIH):
        path = existing(file, 'list of findings')
        names, rows = [], []
        for number, line in enumerate(_text(path).splitlines(), start=1):
            words = line.split()
            if not words:
                continue
            if len(words) != 1 + len(findings) or any(word not in ('0', '1') for word in words[1:]):
                raise DataError(
                    f'{path}:{number}: {line[:60]!r} is no name with {len(findings)} columns of 0 and 1, one for '
                    f'each of {", ".join(findings)}'
                )
            names.append(words[0])
            rows.append([float(word) for word in words[1:]])
        _need_rows(names, path)
        super().__init__(root if root is not None else path.parent, names, rows, findings)


@DATASETS.register_module()
class FindingNames(FindingSource):
    """A table whose label is a string of findings, `Cardiomegaly|Effusion` (NIH's `Data_Entry_2017.csv`).

    Args:
        file: csv with a header.
        root: folder of the images; by default that of the table.
        findings: what may occur, beside `none`.
        image, labels: names of the columns.
        none: the string for none of them.
        chosen: a text file with one image name per line, the only ones to take (`train_val_list.txt`).
    """

    def __init__(
        self,
        file: str | Path,
        root: str | Path | None = None,
        findings: Sequence[str] = NIH,
        image: str = 'Image Index',
        labels: str = 'Finding Labels',
        none: str = 'No Finding',
        chosen: str | Path | None = None,
    ):
        path = existing(file, 'table of findings')
        wanted = set(_text(existing(chosen, 'list of names')).split()) if chosen is not None else None
        names, rows = [], []
        for number, row in _table(path, (image, labels)):
            if wanted is not None and row[image] not in wanted:
                continue
            found = [word.strip() for word in row[labels].split('|')]
            if found == ['']:
                raise DataError(f'{path}:{number}: {row[image]} has nothing under {labels!r}; write {none!r} for none')
            found = [word for word in found if word != none]
            unknown = [word for word in found if word not in findings]
            if unknown:
                raise DataError(
                    f'{path}:{number}: {row[image]} has the unknown finding {unknown[0]!r}; allowed: {none}, '
                    f'{", ".join(findings)}'
                )
            names.append(row[image])
            rows.append([float(finding in found) for finding in findings])
        _need_rows(names, path)
        if wanted is not None and len(names) < len(wanted):
            missing = sorted(wanted - set(names))
            raise DataError(f'{chosen} names {len(missing)} images that {path} has not, the first: {missing[0]}')
        super().__init__(root if root is not None else path.parent, names, rows, findings)


@DATASETS.register_module()
class CheXpertTable(FindingSource):
    """CheXpert's `train.csv` and `valid.csv`: per finding 1, 0, -1 (uncertain) or nothing (not mentioned).

    Args:
        file: the table.
        root: folder that paths start from; by default the parent of the table's folder, as paths begin with its name.
        findings: the columns to take.
        uncertain: 'ignore': neither trained nor scored; 'zeros'; 'ones'. Not mentioned is 0.
        frontal: take frontal images alone.
    """

    def __init__(
        self,
        file: str | Path,
        root: str | Path | None = None,
        findings: Sequence[str] = CHEXPERT,
        uncertain: str = 'ignore',
        frontal: bool = False,
    ):
        if uncertain not in UNCERTAIN:
            raise ConfigError(f'uncertain is {uncertain!r}; allowed: {", ".join(map(repr, UNCERTAIN))}')
        path = existing(file, 'table of findings')
        values = {'': 0.0, '0.0': 0.0, '0': 0.0, '1.0': 1.0, '1': 1.0}
        values['-1.0'] = values['-1'] = {'ignore': np.nan, 'zeros': 0.0, 'ones': 1.0}[uncertain]
        names, rows = [], []
        columns = ('Path', *findings, *(('Frontal/Lateral',) if frontal else ()))
        for number, row in _table(path, columns):
            if frontal and row['Frontal/Lateral'] != 'Frontal':
                continue
            odd = [row[finding] for finding in findings if row[finding] not in values]
            if odd:
                raise DataError(f'{path}:{number}: label {odd[0]!r}; allowed: 1, 0, -1 and nothing')
            names.append(row['Path'])
            rows.append([values[row[finding]] for finding in findings])
        _need_rows(names, path)
        super().__init__(root if root is not None else path.resolve().parent.parent, names, rows, findings)


def source_of(path: str | Path, part: str) -> dict:
    """The config of the source that a person means by a path: a folder of classes, or one of the files above."""
    path = Path(path)
    if path.is_dir():
        return {'type': 'RadiographFolder', 'root': str(path), 'layout': 'classes'}
    kinds = {'.npz': 'FindingArray', '.txt': 'FindingList', '.csv': None}
    if path.suffix not in kinds or not path.is_file():
        raise DataError(f'{str(path)!r} is no labelled set; give a folder of classes, .npz, .txt or .csv')
    if path.suffix == '.csv':
        header = next(csv.reader(_text(path).splitlines()), [])
        return {'type': 'CheXpertTable' if 'Path' in header else 'FindingNames', 'file': str(path)}
    return {'type': kinds[path.suffix], 'file': str(path), **({'part': part} if path.suffix == '.npz' else {})}


def patients(source: Any) -> set[str]:
    """Whose images they are, as far as the names of a table say so."""
    if not isinstance(source, FindingSource):
        return set()
    found = (pattern.search(source.name(i)) for i in range(len(source)) for pattern in PATIENTS)
    return {match[1] for match in found if match}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise DataError(f'{path} is no text: {error}; name a list or a table') from error


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows of a csv file with these columns. DataError where one is missing, or a row is shorter."""
    reader = csv.DictReader(io.StringIO(_text(path), newline=''))
    try:
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f'{path} has no column {missing[0]!r}; it has {", ".join(reader.fieldnames or ())}')
        for row in reader:
            if None in row or None in row.values():
                differs = 'more' if None in row else 'fewer'
                raise DataError(f'{path}:{reader.line_num}: the row has {differs} cells than the header')
            yield reader.line_num, {column: row[column].strip() for column in columns}
    except csv.Error as error:
        raise DataError(f'{path}:{reader.line_num}: {error}; this is no table') from error


def _need_rows(names: Sequence[str], path: Path) -> None:
    if not names:
        raise DataError(f'{path} names no image')

"""Sources of images with findings: MedMNIST arrays, NIH and CheXpert tables, and DICOM files.

A label is an int (one class per image), or a float32 tensor `(findings,)` of 0, 1 and NaN for "not known".
"""

import csv
import importlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pretrain.data.names import PackedStrings
from pretrain.data.sources.base import existing, read_file
from pretrain.errors import ConfigError, DataError, UserError
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


class FindingSource:
    """Image files with a row of findings each; base of the tables below.

    Attributes:
        classes: the findings; `multi_label` is True.
    """

    multi_label = True

    def __init__(
        self, root: str | Path, names: Sequence[str], rows: Sequence[Sequence[float]], findings: Sequence[str]
    ):
        self.root, self.classes = str(root), list(findings)
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
        for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), start=1):
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
        wanted = set(existing(chosen, 'list of names').read_text().split()) if chosen is not None else None
        names, rows = [], []
        for number, row in _table(path, (image, labels)):
            if wanted is not None and row[image] not in wanted:
                continue
            found = [word.strip() for word in row[labels].split('|') if word.strip() and word.strip() != none]
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


@DATASETS.register_module()
class FindingArray:
    """MedMNIST: `{part}_images` uint8 `(N, H, W)` or `(N, H, W, 3)` and `{part}_labels` `(N, L)` of an `.npz`.

    Args:
        file: the `.npz`.
        part: 'train', 'val' or 'test'.
        classes: names in label order.
        multi_label: None: labels of one column are classes, of several columns findings (ChestMNIST).
    """

    def __init__(
        self,
        file: str | Path,
        part: str = 'train',
        classes: Sequence[str] | None = None,
        multi_label: bool | None = None,
    ):
        self.file, self.part = str(existing(file, 'array file')), part
        try:
            with np.load(self.file, allow_pickle=False) as arrays:
                missing = [k for k in (f'{part}_images', f'{part}_labels') if k not in arrays]
                if missing:
                    raise DataError(f'{self.file!r} has no array {missing[0]!r}; it has {", ".join(arrays.files)}')
                self._images, labels = arrays[f'{part}_images'], arrays[f'{part}_labels']
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f'array file {self.file!r} cannot be read: {error}') from error
        labels = labels[:, None] if labels.ndim == 1 else labels
        if labels.ndim != 2 or labels.dtype.kind not in 'iub' or len(labels) != len(self._images):
            raise DataError(
                f'{self.file}:{part}_labels is {labels.dtype} {labels.shape} for {len(self._images)} images'
            )
        if self._images.ndim not in (3, 4) or (self._images.ndim == 4 and self._images.shape[-1] != 3):
            raise DataError(f'{self.file}:{part}_images has shape {self._images.shape}; volumes are no images')
        self.multi_label = labels.shape[1] > 1 if multi_label is None else multi_label
        if not self.multi_label and labels.shape[1] != 1:
            raise DataError(f'{self.file}:{part}_labels has {labels.shape[1]} columns; one class per image has one')
        if self.multi_label and (labels.min() < 0 or labels.max() > 1):
            raise DataError(f'{self.file}:{part}_labels holds {labels.max()}; findings are 0 or 1')
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


def read_image(path: str) -> bytes | np.ndarray:
    """A stored image: the bytes of the file, the array of an `.npy`, or the pixels of a DICOM file."""
    return read_dicom(path) if path.lower().endswith(('.dcm', '.dicom')) else read_file(path)


def read_dicom(path: str) -> np.ndarray:
    """Pixels `(H, W)` uint8: rescaled by slope and intercept, stretched over their range, MONOCHROME1 inverted.

    Raises UserError without pydicom, ValueError for several frames or colour.
    """
    try:
        pydicom = importlib.import_module('pydicom')
    except ImportError as error:
        raise UserError(
            f'{path} is a DICOM file, which needs the package pydicom; install it, or convert to PNG'
        ) from error
    content = pydicom.dcmread(path)
    pixels = content.pixel_array.astype(np.float64)
    if pixels.ndim != 2:
        raise ValueError(f'pixels of shape {pixels.shape}; one grey frame is expected')
    pixels = pixels * float(getattr(content, 'RescaleSlope', 1)) + float(getattr(content, 'RescaleIntercept', 0))
    low, high = pixels.min(), pixels.max()
    unit = (pixels - low) / max(high - low, 1e-12)
    if getattr(content, 'PhotometricInterpretation', '') == 'MONOCHROME1':
        unit = 1 - unit
    return np.rint(unit * 255).astype(np.uint8)


def source_of(path: str | Path, part: str) -> dict:
    """The config of the source that a person means by a path: a folder of classes, or one of the files above."""
    path = Path(path)
    if path.is_dir():
        return {'type': 'FolderSource', 'root': str(path), 'layout': 'classes'}
    kinds = {'.npz': 'FindingArray', '.txt': 'FindingList', '.csv': None}
    if path.suffix not in kinds or not path.is_file():
        raise DataError(f'{str(path)!r} is no labelled set; give a folder of classes, .npz, .txt or .csv')
    if path.suffix == '.csv':
        with open(path, newline='', encoding='utf-8') as file:
            header = next(csv.reader(file), [])
        return {'type': 'CheXpertTable' if 'Path' in header else 'FindingNames', 'file': str(path)}
    return {'type': kinds[path.suffix], 'file': str(path), **({'part': part} if path.suffix == '.npz' else {})}


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows of a csv file with these columns. DataError where one is missing."""
    with open(path, newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f'{path} has no column {missing[0]!r}; it has {", ".join(reader.fieldnames or ())}')
        for row in reader:
            yield reader.line_num, {column: (row[column] or '').strip() for column in columns}


def _need_rows(names: Sequence[str], path: Path) -> None:
    if not names:
        raise DataError(f'{path} names no image')

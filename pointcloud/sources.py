"""Where clouds are stored: folders, lists, h5 files, few-shot folds. See also `modelnet.py` and `parts.py`.

A source gives `read(i)`, float32 `(N, C)` with xyz first, and `label(i)`; see `pretrain.data.sources.base`.
"""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pointcloud.files import READERS, is_cloud, read_cloud
from pointcloud.pickles import load_pickle
from pretrain.data.sources.base import existing
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS


class CloudFiles:
    """One file per cloud.

    Args:
        paths: of the files.
        labels: class index of each, or None.
        classes: names in label order.
    """

    def __init__(self, paths: Sequence[str], labels: Sequence[int] | None = None, classes: list[str] | None = None):
        self.paths, self.labels, self.classes = list(paths), labels, classes

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, i: int) -> str:
        return self.paths[i]

    def read(self, i: int) -> np.ndarray:
        return read_cloud(self.paths[i])

    def label(self, i: int) -> int | None:
        return None if self.labels is None else int(self.labels[i])


@DATASETS.register_module()
class PointFolder(CloudFiles):
    """Files below `root`: in class folders, whose sorted names are the classes, or directly, without labels.

    Args:
        root: the folder.
        part: 'train' or 'test', which of the two is read where every class folder has both as its only sub-folders (the
            original ModelNet: `<class>/{train,test}/*.off`). Other layouts hold one part; there it says nothing.

    Attributes:
        up: 'z' for that layout of .off files, 'y' for others. ModelNet's meshes stand on their xy plane: the azimuth of
            its aligned version is a rotation about z (lmb-freiburg/orion#1).

    Raises DataError for a folder without a cloud, an empty class folder, both layouts at once, or class folders with
    `train` and `test` of which `part` chooses none.
    """

    def __init__(self, root: str, part: str | None = None):
        folder = existing(root, 'folder of clouds')
        if part not in (None, 'train', 'test'):
            raise ConfigError(f"PointFolder part is {part!r}; allowed: 'train', 'test' and None")
        direct = sorted(str(p) for p in folder.iterdir() if p.is_file() and is_cloud(p.name))
        below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith('.'))
        places = {p.name: p / _part_of(below, part) for p in below}
        self.up = 'y'
        files = {name: sorted(str(f) for f in p.rglob('*') if _is_file(f)) for name, p in places.items()}
        if direct and any(files.values()):
            raise DataError(f'{root} has clouds both directly and in sub-folders; separate them')
        if direct:
            super().__init__(direct)
            return
        if not any(files.values()):
            raise DataError(f'no cloud in {root}; understood are {", ".join(READERS)}, in class folders or directly')
        if empty := [name for name, found in files.items() if not found]:
            raise DataError(f'class folder {places[empty[0]]} holds no cloud; fill or remove it')
        labels = [i for i, found in enumerate(files.values()) for _ in found]
        super().__init__([path for found in files.values() for path in found], labels, list(files))
        if any(place.parent != folder for place in places.values()) and _all_meshes(self.paths):
            self.up = 'z'


def _all_meshes(paths: Sequence[str]) -> bool:
    return all(path.lower().endswith('.off') for path in paths)


def _is_file(path: Path) -> bool:
    return path.is_file() and is_cloud(path.name)


def _part_of(classes: Sequence[Path], part: str | None) -> str:
    """The sub-folder of every class folder to read; '' where they are not split into train and test."""
    split = [{'train', 'test'} <= {p.name for p in c.iterdir() if p.is_dir()} for c in classes]
    if not any(split):
        return ''
    odd = next((c for c, known in zip(classes, split, strict=True) if not known or len(_content(c)) > 2), None)
    if odd is not None:
        other = classes[split.index(True)]
        raise DataError(f'{other} has train and test, {odd} has {", ".join(_content(odd))}; give all the same two')
    if part is None:
        raise DataError(f"{classes[0]} holds train and test; say which to read: source.part='train' or 'test'")
    return part


def _content(folder: Path) -> list[str]:
    """Sub-folders and clouds, by name."""
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith('.') and (p.is_dir() or is_cloud(p.name)))


@DATASETS.register_module()
class PointList(CloudFiles):
    """A text file with one file name a line, as ShapeNet-55's `train.txt`; the files lie in `folder`.

    Args:
        file: the list. Several, comma separated, are joined (ShapeNet-55's train and test).
        folder: where the files are; None takes `shapenet_pc` beside the list's folder, where there is one, else the
            list's own folder.

    The part before the first '-' of a ShapeNet name is its synset, the class. Other lists have no labels.
    """

    def __init__(self, file: str, folder: str | None = None):
        names: list[str] = []
        for part in file.split(','):
            path = existing(part, 'list of clouds')
            names += [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines() if line.strip()]
        beside = path.parent.parent / 'shapenet_pc'
        root = Path(folder) if folder else beside if beside.is_dir() else path.parent
        if not names:
            raise DataError(f'{file} names no cloud; expected one file name a line')
        missing = next((n for n in names if not (root / n).is_file()), None)
        if missing:
            raise DataError(f'{file} names {missing}, which is not in {root}; correct the list or give its folder')
        synsets = [name.partition('-')[0] for name in names]
        classes, labels = None, None
        if all(s.isdigit() and '-' in n for s, n in zip(synsets, names, strict=True)):
            classes = sorted(set(synsets))
            labels = [classes.index(s) for s in synsets]
        super().__init__([str(root / name) for name in names], labels, classes)


class CloudArrays:
    """Clouds in memory. `arrays` `(S, N, C)` or a list of `(N, C)`; `names` path-like."""

    def __init__(self, arrays: Any, labels: Sequence[int] | None, names: Sequence[str], classes: list[str] | None):
        self.arrays, self.labels, self.names, self.classes = arrays, labels, names, classes

    def __len__(self) -> int:
        return len(self.arrays)

    def name(self, i: int) -> str:
        return self.names[i]

    def read(self, i: int) -> np.ndarray:
        return np.array(self.arrays[i])

    def label(self, i: int) -> int | None:
        return None if self.labels is None else int(self.labels[i])


@DATASETS.register_module()
class H5Source(CloudArrays):
    """`data` `(S, N, C)` and `label` of h5 files: ScanObjectNN, modelnet40_ply_hdf5_2048, and others of the form.

    Args:
        files: a path, a pattern, or a `.txt` that lists h5 files (their names alone count, beside it).
        points: take only the first points of each cloud, None for all.

    Class names come from `shape_names.txt` or `classes.txt` beside the files, where there is one.
    """

    def __init__(self, files: str, points: int | None = None):
        paths = _h5_paths(files)
        clouds, labels, names = [], [], []
        for path in paths:
            try:
                with h5py.File(path, 'r') as file:
                    data = file['data'][:, :points]
                    label = file['label'][()].reshape(-1) if 'label' in file else None
            except (OSError, KeyError, ValueError, TypeError) as error:
                raise DataError(
                    f"{path} cannot be read: {' '.join(str(error).split())}; expected 'data' (S, N, 3) and 'label'"
                ) from error
            if data.ndim != 3 or (label is not None and len(label) != len(data)):
                raise DataError(f'{path} holds data {data.shape}, label {None if label is None else label.shape}')
            clouds.append(data.astype(np.float32))
            labels.append(label)
            names += [f'{path}:{i}' for i in range(len(data))]
        if len({c.shape[1:] for c in clouds}) > 1:
            raise DataError(f'{files}: files of different shapes {[c.shape for c in clouds]}')
        if any(label is None for label in labels) and not all(label is None for label in labels):
            raise DataError(f'{files}: some of the files have labels, some have none')
        known = None if labels[0] is None else np.concatenate(labels).astype(np.int64)
        super().__init__(np.concatenate(clouds), known, names, _class_names(Path(paths[0]).parent, known, files))


def _h5_paths(files: str) -> list[str]:
    if files.endswith('.txt'):
        folder = existing(files, 'list of h5 files').parent
        found = [str(folder / os.path.basename(line)) for line in Path(files).read_text(encoding='utf-8-sig').split()]
    else:
        found = sorted(glob.glob(files))
    if not found or not all(os.path.exists(path) for path in found):
        missing = next((path for path in found if not os.path.exists(path)), files)
        raise DataError(f'{missing}: no such file; give an h5 file, a pattern, or a .txt list with --data and --val')
    return found


def _class_names(folder: Path, labels: np.ndarray | None, files: str) -> list[str] | None:
    for name in ('shape_names.txt', 'classes.txt'):
        if labels is not None and (folder / name).exists():
            classes = (folder / name).read_text(encoding='utf-8-sig').split()
            if int(labels.max()) >= len(classes):
                raise DataError(f'{files} has label {labels.max()}, {folder / name} only {len(classes)} names')
            return classes
    return None


@DATASETS.register_module()
class FewShotFold(CloudArrays):
    """One fold of few-shot ModelNet40: a pickle with `train` and `test`, lists of (points, label, ...).

    Args:
        root: `ModelNetFewshot`.
        way, shot: 5 or 10, 10 or 20. The folder is `5way_10shot` or `5way10shot`; both spellings are about.
        fold: 0 to 9.
        part: 'train' or 'test'.

    Labels are numbered anew from 0 in the order of their old numbers.
    """

    def __init__(self, root: str, way: int, shot: int, fold: int = 0, part: str = 'train'):
        spellings = [Path(root) / name / f'{fold}.pkl' for name in (f'{way}way_{shot}shot', f'{way}way{shot}shot')]
        path = next((p for p in spellings if p.exists()), None)
        if path is None:
            raise DataError(f'{spellings[0]} does not exist, nor does {spellings[1]}; give the folder of the folds')
        content = load_pickle(path)
        if missing := [p for p in ('train', 'test') if not isinstance(content, dict) or not content.get(p)]:
            raise DataError(f'{path} holds no {missing[0]!r} part; expected train and test, lists of (points, label)')
        try:
            clouds = [np.asarray(row[0], dtype=np.float32) for row in content[part]]
            old = {p: [int(np.asarray(row[1]).reshape(-1)[0]) for row in content[p]] for p in ('train', 'test')}
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise DataError(f'{path}: a row is no (points, label): {error}; copy the file again') from error
        numbers = sorted(set(old['train']))
        if len(numbers) != way or not set(old['test']) <= set(numbers):
            raise DataError(f'{path}: {len(numbers)} training classes, the folder says {way}, or test has others')
        labels = [numbers.index(label) for label in old[part]]
        names = [f'{path}:{part}/{i}' for i in range(len(clouds))]
        super().__init__(clouds, labels, names, [f'class {number}' for number in numbers])

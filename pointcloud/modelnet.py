"""ModelNet40 and 10, normal-resampled; of each cloud its 8192 farthest points, as all published results on it."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pointcloud.files import check_cloud, read_cloud
from pointcloud.pickles import load_pickle
from pointcloud.sources import CloudFiles
from pointcloud.transforms import farthest
from pretrain.data.sources.base import existing
from pretrain.errors import ConfigError, DataError
from pretrain.files import atomic, cache_folder
from pretrain.registry import DATASETS

POINTS = 8192
"""Farthest points of each cloud (N_POINTS in Point-MAE cfgs/dataset_configs/ModelNet40.yaml)."""
FORMAT = 1
"""Raised when the same file would give other points."""


@DATASETS.register_module()
class ModelNet(CloudFiles):
    """`<class>/<class>_0001.txt` of 10,000 points with normals; `read` gives xyz of the 8192 farthest, farthest first.

    Args:
        root: the folder with `modelnet40_shape_names.txt` and the lists.
        part: 'train' or 'test'.
        classes: 40 or 10.

    Where `modelnet40_train_8192pts_fps.dat`, which the published code writes, lies beside the lists, it is read; its
    sampling began at a random point of each cloud. Otherwise sampling begins at the first point of the text file, and
    what was found is kept in `$MIMBENCH_CACHE/points`, by default under `~/.cache/mimbench`: 98 kB a cloud. The two are
    different points, so the names of the clouds, which are part of the protocol's hash, and `notes` tell them apart.

    Attributes:
        farthest_first: see PointTransform.
        notes: what the record says of where the points are from.
    """

    farthest_first = True

    def __init__(self, root: str, part: str = 'train', classes: int = 40):
        folder = existing(root, 'ModelNet folder')
        if part not in ('train', 'test'):
            raise ConfigError(f"ModelNet part is {part!r}; allowed: 'train', 'test'")
        lists = [folder / f'modelnet{classes}_{name}.txt' for name in ('shape_names', part)]
        shapes, names = (existing(p, 'ModelNet list').read_text(encoding='utf-8-sig').split() for p in lists)
        labels = []
        for name in names:
            if name.rpartition('_')[0] not in shapes:
                raise DataError(f'{lists[1]} names {name}, whose class is not in {lists[0]}')
            labels.append(shapes.index(name.rpartition('_')[0]))
        super().__init__(
            [str(folder / n.rpartition('_')[0] / f'{n}.txt') for n in names], labels, [str(s) for s in shapes]
        )
        self.ids = names
        self.cache = folder / f'modelnet{classes}_{part}_8192pts_fps.dat'
        self._cached = _cached(self.cache, labels, lists[1]) if self.cache.exists() else None
        whence = f'{self.cache.name}' if self._cached is not None else 'the text files, first point first'
        self.notes = [f'ModelNet {part}: {POINTS} farthest points from {whence}']

    def name(self, i: int) -> str:
        return self.paths[i] if self._cached is None else f'{self.cache}:{self.ids[i]}'

    def read(self, i: int) -> np.ndarray:
        if self._cached is not None:
            return np.asarray(self._cached[i])[:, :3]
        kept = cache_folder('points') / f'{self._key(i)}.npy'
        points = _load(kept)
        if points is None:
            points = check_cloud(read_cloud(self.paths[i]))[:, :3]
            points = points[farthest(points, min(POINTS, len(points)))]
            _store(kept, points)
        return points

    def _key(self, i: int) -> str:
        """Of the points of a file: where it is, its size and its time of change."""
        path = Path(self.paths[i])
        state = path.stat()
        facts = [FORMAT, POINTS, str(path.resolve()), state.st_size, state.st_mtime_ns]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _load(path: Path) -> np.ndarray | None:
    """None for a file that is not there or damaged: its points are computed again."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def _store(path: Path, points: np.ndarray) -> None:
    """A full or read-only disk is no fault of the cloud: it costs time only, of which a warning tells."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary, open(temporary, 'wb') as file:
            np.save(file, points)
    except OSError as error:
        warnings.warn(f'{path.parent}: {error}; farthest points are computed each time', stacklevel=2)


def _cached(cache: Path, labels: list[int], listed: Path) -> Any:
    """The clouds of a cache of the published code. DataError when they are not those of the list."""
    content = load_pickle(cache)
    try:
        clouds, stored = content
        found = [int(np.asarray(label).reshape(-1)[0]) for label in stored]
        right = len(clouds) == len(labels)
    except (TypeError, ValueError, IndexError) as error:
        raise DataError(f'{cache} is no pair of clouds and labels ({error}); remove it') from error
    if not right:
        raise DataError(f'{cache} does not hold the {len(labels)} clouds of {listed}; remove it')
    if found != labels:
        raise DataError(f'{cache} has other labels than {listed}; remove it')
    return clouds

"""Clouds of a source, checked, transformed and numbered: `ImageDataset` for points."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pointcloud.files import check_cloud, damaged
from pointcloud.pictures import check_up
from pretrain.data.dataset import ImageDataset
from pretrain.data.sampler import SampleKey
from pretrain.data.seeding import seed_rng
from pretrain.errors import DataError
from pretrain.registry import DATASETS

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@DATASETS.register_module()
class PointDataset(ImageDataset):
    """As ImageDataset: indexed by SampleKey in training, where a damaged cloud is replaced and reported, and by an int
    in evaluation, where it raises DataError.

    Args:
        source, transform, seed, on_corrupt, labels: as there.
        least: points that every cloud must have, at least those of one group; a transfer whose groups are larger
            refuses to begin.
        up: the axis that points up in pictures, 'y' or 'z'; None takes it from the source, whose `up` is 'y' unless it
            knows better. Nothing is turned by it but pictures.

    A sample is a dict: `points` float32 `(N, 3)`, `id`, `index`, `replaced`, `up` its axis that points up (1 or
    2), `label` if asked for, and `parts` int64 `(N,)` from a source that has them.
    """

    things = 'clouds'

    def __init__(
        self,
        source: Any,
        transform: Callable[[Any], Any] | dict,
        seed: int = 0,
        on_corrupt: str = 'quarantine',
        labels: bool = False,
        least: int = 32,
        up: str | None = None,
    ):
        super().__init__(source, transform, seed=seed, on_corrupt=on_corrupt, labels=labels)
        self.least = least
        self.up = check_up(up or getattr(self.source, 'up', 'y'))
        self.has_parts = getattr(self.source, 'has_parts', False)
        if getattr(self.source, 'farthest_first', False):
            self.transform.farthest_first = True

    @staticmethod
    def locate(paths: Sequence[str | Path], part: str = 'train') -> dict:
        """The config of the source that reads paths from the command line."""
        configs = [locate(str(path), part) for path in paths]
        return configs[0] if len(configs) == 1 else {'type': 'JoinedSource', 'sources': configs}

    def _sample(self, key: SampleKey, training: bool) -> dict[str, Any]:
        index, cloud, replaced = self._sound_image(key.index, training and self.on_corrupt == 'quarantine')
        seed_rng(self.seed, key)
        cloud = self.transform(cloud)
        sample: dict[str, Any] = {'points': torch.from_numpy(np.ascontiguousarray(cloud[:, :3], dtype=np.float32))}
        if self.has_parts:
            sample['parts'] = torch.from_numpy(cloud[:, 3].astype(np.int64))
        sample |= {'id': self.source.name(index), 'index': index, 'replaced': replaced, 'up': self.up}
        if self.labels:
            sample['label'] = self.source.label(index)
        return sample

    def decode(self, index: int) -> np.ndarray:
        """The stored cloud `(N, C)`. Raises DataError naming it when it is damaged or too small."""
        name = self.source.name(index)
        try:
            cloud = check_cloud(self.source.read(index), self.least)
            self._check_enough(cloud)
            return cloud
        except Exception as error:  # readers raise anything on foreign bytes
            if isinstance(error, MemoryError) or getattr(error, 'errno', None) in _EXHAUSTED:
                raise
            raise damaged(name, error) from error

    def _check_enough(self, cloud: np.ndarray) -> None:
        """Whether the transform can take its points from the cloud, so that one that cannot is replaced."""
        wanted, sample = getattr(self.transform, 'num_points', 0), getattr(self.transform, 'sample', '')
        if sample == 'all' and len(cloud) != wanted:
            raise ValueError(f"{len(cloud)} points, but transform.sample='all' with num_points={wanted}")
        strict = getattr(self.transform, 'few', 'repeat') == 'error'
        if strict and sample not in ('replace', 'all') and len(cloud) < wanted:
            raise ValueError(f"{len(cloud)} points, {wanted} are asked for; transform.few='repeat' repeats points")


def locate(path: str, part: str = 'train') -> dict:
    """The source for a folder, a list or h5 files. Raises DataError naming what is understood."""
    if any(mark in path for mark in '*?') or Path(path).suffix in ('.h5', '.hdf5'):
        return {'type': 'H5Source', 'files': path}
    place = Path(path)
    if place.is_dir():
        for classes in (40, 10):
            if (place / f'modelnet{classes}_shape_names.txt').exists():
                return {'type': 'ModelNet', 'root': path, 'part': _test(part), 'classes': classes}
        if (place / 'synsetoffset2category.txt').exists():
            return {'type': 'ShapeNetPart', 'root': path, 'part': _test(part)}
        if (place / 'ShapeNet-55').is_dir():
            return {'type': 'PointList', 'file': str(place / 'ShapeNet-55' / f'{_test(part)}.txt')}
        if (place / f'{_test(part)}_files.txt').exists():
            return {'type': 'H5Source', 'files': str(place / f'{_test(part)}_files.txt')}
        return {'type': 'PointFolder', 'root': path, 'part': _test(part)}
    if place.suffix == '.txt' and place.exists():
        first = place.read_text(encoding='utf-8-sig').split()[:1]
        is_h5 = bool(first) and os.path.splitext(first[0])[1] in ('.h5', '.hdf5')
        return {'type': 'H5Source', 'files': path} if is_h5 else {'type': 'PointList', 'file': path}
    raise DataError(f'no clouds at {path!r}; give a folder, a .txt list, or h5 files')


def _test(part: str) -> str:
    return 'train' if part == 'train' else 'test'

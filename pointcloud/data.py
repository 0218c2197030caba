"""The labelled clouds of a transfer: built, compared and identified before anything trains."""

import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointcloud.datasets import PointDataset
from pretrain.data.build import build_dataset
from pretrain.data.parts import check_same_classes, dataset_settings
from pretrain.errors import ConfigError, DataError


@dataclass
class LabelledClouds:
    """Train and validation set with the same classes."""

    train: PointDataset
    val: PointDataset
    num_classes: int
    notes: Sequence[str] = ()

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """Counts and hashes of names and labels: what the protocol says about the data, wherever it lies."""
        return {name: identity(part.source) for name, part in (('train', self.train), ('val', self.val))}

    def counts(self) -> dict[str, int]:
        return {'train': len(self.train), 'val': len(self.val)}

    def __str__(self) -> str:
        return f'{len(self.train):,} training and {len(self.val):,} validation clouds of {self.num_classes} classes'


def labelled_clouds(cfg: Mapping) -> LabelledClouds:
    """Build both sets of a config and compare them. DataError or ConfigError naming what does not fit."""
    sets: dict[str, PointDataset] = {}
    for part, settings in dataset_settings(cfg):
        sets[part] = build_dataset(settings)
        if not getattr(sets[part], 'labels', False):
            raise ConfigError(f'{part}_dataloader.dataset.labels is not True; this task needs labels')
    train, val = sets['train'], sets['val']
    ends = (0, len(val) - 1)
    if len(train) == len(val) and all(train.source.name(i) == val.source.name(i) for i in ends):
        raise DataError('training and validation data are the same clouds; give others with --val')
    if train.classes and val.classes:
        check_same_classes(train.classes, val.classes)
        found = len(train.classes)
    else:
        numbers = [1 + max(part.source.label(i) for i in range(len(part))) for part in (train, val)]
        if numbers[1] > numbers[0]:
            raise DataError(f'validation labels go up to {numbers[1] - 1}, training labels to {numbers[0] - 1} only')
        found = numbers[0]
    wanted = cfg['model'].get('num_classes')
    if wanted is not None and wanted != found:
        raise DataError(f'the data has {found} classes, the config has model.num_classes={wanted}; one is wrong')
    return LabelledClouds(train, val, found)


def identity(source: Any) -> dict[str, Any]:
    """Number of clouds and sha256 over their names, below their common folder, and labels."""
    digest = hashlib.sha256()
    names = [source.name(i) for i in range(len(source))]
    root = os.path.commonpath([os.path.dirname(names[0]), os.path.dirname(names[-1])]) if names else ''
    for i, name in enumerate(names):
        digest.update(f'{os.path.relpath(name, root) if root else name}\0{source.label(i)}\n'.encode(errors='replace'))
    return {'clouds': len(names), 'sha256': digest.hexdigest()}

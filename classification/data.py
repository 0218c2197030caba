"""The labelled data of a transfer: built, compared and identified before anything trains."""

import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretrain.data.build import build_dataset
from pretrain.data.dataset import ImageDataset
from pretrain.data.parts import check_same_classes, dataset_settings
from pretrain.data.sources.base import Source
from pretrain.errors import ConfigError, DataError


@dataclass
class LabelledData:
    """Train and validation set with the same classes."""

    train: ImageDataset
    val: ImageDataset
    num_classes: int
    notes: Sequence[str] = ()

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """Counts and hashes of names and labels: what the protocol says about the data, wherever it lies."""
        parts = {'train': self.train, 'val': self.val}
        return {name: identity(part.source) for name, part in parts.items()}

    def counts(self) -> dict[str, int]:
        return {'train': len(self.train), 'val': len(self.val)}

    def __str__(self) -> str:
        return f'{len(self.train):,} training and {len(self.val):,} validation images of {self.num_classes} classes'


def labelled_data(cfg: Mapping) -> LabelledData:
    """Build both sets of a config and compare their classes with each other and with `model.num_classes`.

    Raises DataError or ConfigError naming what differs.
    """
    sets = {}
    for part, settings in dataset_settings(cfg):
        sets[part] = build_dataset(settings)
        if not getattr(sets[part], 'labels', False):
            raise ConfigError(f'{part}_dataloader.dataset.labels is not True; classification needs labels')
    train, val = sets['train'], sets['val']
    if _same_images(train.source, val.source):
        raise DataError('training and validation data are the same images; give others with --val')
    found = _same_classes(train, val)
    wanted = cfg['model'].get('num_classes')
    if wanted is not None and wanted != found:
        raise DataError(
            f'the data has {found} classes, the config has model.num_classes={wanted}; one of them is wrong'
        )
    channels = cfg['model'].get('channels', 3)
    for part, dataset in sets.items():
        if dataset.channels != channels:
            raise ConfigError(
                f'{part}_dataloader.dataset.channels is {dataset.channels}, model.channels {channels}; make them equal'
            )
    return LabelledData(train, val, found)


def _same_images(train: Source, val: Source) -> bool:
    ends = (0, len(val) - 1)
    return len(train) == len(val) > 0 and all(train.name(i) == val.name(i) for i in ends)


def _same_classes(train: ImageDataset, val: ImageDataset) -> int:
    """The number of classes. DataError when the two sets name or number them differently."""
    if train.classes and val.classes:
        check_same_classes(train.classes, val.classes)
        return len(train.classes)
    numbers = [1 + max(part.source.label(i) for i in range(len(part))) for part in (train, val)]
    if numbers[1] > numbers[0]:
        raise DataError(f'validation labels go up to {numbers[1] - 1}, training labels to {numbers[0] - 1} only')
    return numbers[0]


def identity(source: Source, files: bool = False) -> dict[str, Any]:
    """Number of images and sha256 over their names, below their common folder, and labels.

    Args:
        files: include size and time of change of every file, for a cache that must notice a replaced image.
    """
    digest, seen = hashlib.sha256(), {}
    names = [source.name(i) for i in range(len(source))]
    root = os.path.commonpath([os.path.dirname(names[0]), os.path.dirname(names[-1])]) if names else ''
    for i, name in enumerate(names):
        digest.update(f'{os.path.relpath(name, root) if root else name}\0{source.label(i)}\n'.encode(errors='replace'))
        if files:
            file = name if Path(name).is_file() else name.partition(':')[0]
            if file not in seen and os.path.isfile(file):
                status = os.stat(file)
                seen[file] = (status.st_size, status.st_mtime_ns)
                digest.update(str(seen[file]).encode())
    return {'images': len(names), 'sha256': digest.hexdigest()}

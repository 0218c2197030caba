"""The labelled videos of a transfer: built, compared, identified, and held against the protocol of their data set."""

import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pretrain.data.build import build_dataset
from pretrain.data.parts import check_same_classes, dataset_settings
from pretrain.errors import ConfigError, DataError
from video.dataset import ClipDataset
from video.decode import describe
from video.sources import ClipSource


@dataclass(frozen=True)
class DatasetProtocol:
    """How a data set is tested, and how many videos it has as published.

    Attributes:
        sampling: 'dense' or 'segments'.
        clips, crops: of the test.
        flip: whether training may mirror clips.
        videos: training and validation videos; None where our sources do not say.
    """

    sampling: str
    clips: int
    crops: int
    flip: bool = True
    videos: tuple[int, int] | None = None


PROTOCOLS = {
    'k400': DatasetProtocol('dense', 5, 3, videos=(240_436, 19_796)),
    'k400-7x3': DatasetProtocol('dense', 7, 3, videos=(240_436, 19_796)),
    'k400-8x3': DatasetProtocol('dense', 8, 3, videos=(240_436, 19_796)),
    'k600': DatasetProtocol('dense', 5, 3, videos=(366_006, 27_935)),
    'k710': DatasetProtocol('dense', 5, 3, videos=(658_340, 66_803)),
    'ssv2': DatasetProtocol('segments', 2, 3, flip=False, videos=(168_913, 24_777)),
    'ucf101': DatasetProtocol('dense', 5, 3),
    'hmdb51': DatasetProtocol('dense', 5, 3),
}
"""VideoMAE's tests (run_class_finetuning.py and the scripts of each data set), SlowFast's 7 x 3 for MAE-ST and V-JEPA's
8 x 3; sizes from VideoMAE's DATASET.md."""


@dataclass
class LabelledClips:
    """Train and validation set with the same classes."""

    train: ClipDataset
    val: ClipDataset
    num_classes: int
    notes: Sequence[str] = ()

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """Of each part the number of videos, and sha256 over their names below a common folder and their labels."""
        return {name: identity(part.source) for name, part in (('train', self.train), ('val', self.val))}

    def counts(self) -> dict[str, int]:
        return {'train': len(self.train), 'val': len(self.val)}

    def __str__(self) -> str:
        views = f'{self.val.sampling.clips} clips x {getattr(self.val.transform, "crops", 1)} crops'
        return (
            f'{len(self.train):,} training and {len(self.val):,} validation videos of {self.num_classes} classes, '
            f'each tested with {views}'
        )


def labelled_clips(cfg: Mapping, name: str | None = None) -> LabelledClips:
    """Build both sets of a config and compare their classes with each other and with `model.num_classes`.

    Args:
        name: of the data set, whose protocol must then be followed, see `PROTOCOLS`.

    Raises DataError or ConfigError naming what differs.
    """
    sets: dict[str, ClipDataset] = {}
    for part, settings in dataset_settings(cfg):
        sets[part] = build_dataset(settings)
        if not getattr(sets[part], 'labels', False):
            raise ConfigError(f'{part}_dataloader.dataset.labels is not True; classification needs labels')
        frames, (wanted, *_) = sets[part].sampling.frames, cfg['model'].get('image_size', (16, 224, 224))
        if frames != wanted:
            raise ConfigError(
                f'{part}_dataloader samples {frames} frames, model.image_size has {wanted}; make them equal'
            )
    train, val = sets['train'], sets['val']
    check_disjoint(train.source, val.source)
    found = _same_classes(train.source, val.source)
    wanted = cfg['model'].get('num_classes')
    if wanted is not None and wanted != found:
        raise DataError(f'the data has {found} classes, the config has model.num_classes={wanted}; one is wrong')
    notes = [f'decoded with {describe()}']
    if name is not None:
        notes += check_protocol(name, train, val)
    if train.repeats > 1:
        notes.append(f'{train.repeats} clips of every video in a batch, not counted in batch size and learning rate')
    return LabelledClips(train, val, found, notes)


def check_protocol(name: str, train: ClipDataset, val: ClipDataset) -> list[str]:
    """Notes on the size of a data set. Raises ConfigError where sampling, views or mirroring are not its protocol's."""
    if name not in PROTOCOLS:
        raise ConfigError(f'task.dataset is {name!r}; known protocols: {", ".join(PROTOCOLS)}, or None')
    rule = PROTOCOLS[name]
    found = {
        'train_dataloader.dataset.sampling': (train.sampling.name, rule.sampling),
        'val_dataloader.dataset.sampling': (val.sampling.name, rule.sampling),
        'val_dataloader.dataset.sampling.clips': (val.sampling.clips, rule.clips),
        'val_dataloader.dataset.transform.crops': (getattr(val.transform, 'crops', 1), rule.crops),
    }
    for place, (value, expected) in found.items():
        if value != expected:
            raise ConfigError(
                f'{place} is {value!r}, the protocol of {name} has {expected!r}; set task.dataset=None to differ'
            )
    if not rule.flip and getattr(train.transform, 'flip', 0):
        raise ConfigError(
            f'train_dataloader.dataset.transform.flip is {train.transform.flip}; classes of {name} know the side: 0'
        )
    counts = (len(train), len(val))
    if rule.videos and counts != rule.videos:
        return ['{} as published has {:,} and {:,} videos, here are {:,} and {:,}'.format(name, *rule.videos, *counts)]
    return []


def check_disjoint(train: ClipSource, val: ClipSource) -> None:
    """Raise DataError where a video, or a group, is in both parts."""
    both = set(train.paths) & set(val.paths)
    if both:
        raise DataError(f'{len(both)} videos are in training and validation data, for example {min(both)!r}; use --val')
    groups = set(train.groups or ()) & set(val.groups or ())
    if groups:
        raise DataError(f'{len(groups)} groups are in training and validation data, for example {min(groups)!r}')


def identity(source: ClipSource) -> dict[str, Any]:
    """Number of videos, and sha256 over names below their common folder and labels."""
    digest = hashlib.sha256()
    root = os.path.commonpath([os.path.dirname(path) for path in source.paths])
    for path, label in zip(source.paths, source.labels, strict=True):
        digest.update(f'{os.path.relpath(path, root) if root else path}\0{label}\n'.encode(errors='replace'))
    return {'videos': len(source), 'sha256': digest.hexdigest()}


def _same_classes(train: ClipSource, val: ClipSource) -> int:
    if train.classes and val.classes:
        check_same_classes(train.classes, val.classes)
        return len(train.classes)
    numbers = [1 + max(label or 0 for label in part.labels) for part in (train, val)]
    if numbers[1] > numbers[0]:
        raise DataError(f'validation labels go up to {numbers[1] - 1}, training labels to {numbers[0] - 1} only')
    return numbers[0]

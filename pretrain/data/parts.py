"""The two parts of a labelled data set, and what must hold between them in every domain."""

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pretrain.data.build import build_dataset
from pretrain.data.whereabouts import Whereabouts, shared_samples
from pretrain.errors import ConfigError, DataError

PARTS = ('train', 'val')


def dataset_settings(cfg: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each part of a config with the settings of its data set. Raises ConfigError where one is missing."""
    for part in PARTS:
        if f'{part}_dataloader' not in cfg:
            name = cfg.get('filename', 'config')
            raise ConfigError(f'{name}: no {part}_dataloader; a transfer needs both sets, --data and --val name them')
        yield part, cfg[f'{part}_dataloader']['dataset']


def difference(one: Sequence[str], other: Sequence[str]) -> str | None:
    """In words, how two lists of class names differ; None for equal lists."""
    if list(one) == list(other):
        return None
    odd = sorted(set(one) ^ set(other))
    return f'not in both: {", ".join(odd[:5])}' if odd else 'the same names in another order'


def check_same_classes(train: Sequence[str], val: Sequence[str]) -> None:
    """Raise DataError unless both parts name the same classes in the same order."""
    differ = difference(train, val)
    if differ is not None:
        raise DataError(
            f'training data has {len(train)} classes, validation data {len(val)} ({differ}); both need the same '
            'class list'
        )


@dataclass
class LabelledData:
    """Training and validation set with the same classes and without a common sample.

    Attributes:
        samples: what they consist of, in the plural.
    """

    train: Any
    val: Any
    num_classes: int
    samples: str
    notes: Sequence[str] = ()

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """What a protocol says about the data, wherever they lie: of each part `identity` below."""
        return {part: identity(getattr(self, part).source, self.samples) for part in PARTS}

    def counts(self) -> dict[str, int]:
        return {part: len(getattr(self, part)) for part in PARTS}

    def __str__(self) -> str:
        train, val = self.counts().values()
        return f'{train:,} training and {val:,} validation {self.samples} of {self.num_classes} classes'


def labelled_data(cfg: Mapping[str, Any], samples: str) -> LabelledData:
    """Build both sets of a config and compare them with each other and with `model.num_classes`.

    Raises DataError or ConfigError naming what does not fit.
    """
    sets = {}
    for part, settings in dataset_settings(cfg):
        sets[part] = build_dataset(settings)
        if not getattr(sets[part], 'labels', False):
            raise ConfigError(f'{part}_dataloader.dataset.labels is not True; this task needs labels')
    shared = shared_samples(*(names_of(sets[part].source) for part in PARTS))
    if shared:
        name, other = shared[0]
        example = repr(name) if name == other else f'{name!r}, which is also {other!r}'
        raise DataError(
            f'{len(shared):,} {samples} are in training and validation data, for example {example}; give others with '
            '--val'
        )
    count = count_classes(**sets, wanted=cfg['model'].get('num_classes'))
    return LabelledData(**sets, num_classes=count, samples=samples)


def count_classes(train: Any, val: Any, wanted: int | None = None) -> int:
    """How many classes both sets have. DataError when they name or number them differently, or the config differs.

    Args:
        wanted: `model.num_classes` of the config.
    """
    if train.classes and val.classes:
        check_same_classes(train.classes, val.classes)
        found = len(train.classes)
    else:
        if train.classes or val.classes:
            named, numbered = ('training', 'validation') if train.classes else ('validation', 'training')
            raise DataError(
                f'{named} data names its classes, {numbered} data numbers them, so nobody knows which is which; give '
                f'both in the same form, or source.classes to the {numbered} data'
            )
        highest = [max(part.source.label(i) for i in range(len(part))) for part in (train, val)]
        if highest[1] > highest[0]:
            raise DataError(f'validation labels go up to {highest[1]}, training labels to {highest[0]} only')
        found = highest[0] + 1
    if wanted is not None and wanted != found:
        raise DataError(f'the data has {found} classes, the config has model.num_classes={wanted}; one is wrong')
    return found


def names_of(source: Any) -> list[str]:
    """The name of every sample."""
    return [source.name(i) for i in range(len(source))]


def identity(source: Any, samples: str, files: bool = False) -> dict[str, Any]:
    """What a protocol says about data wherever they lie: number, and sha256 over names below their common folder and
    labels.

    Args:
        samples: the key of the number: images, videos, clouds.
        files: include size and time of change of every file, for a cache that must notice a replaced one.
    """
    names = names_of(source)
    if len({os.path.isabs(name) for name in names}) > 1:
        names = [os.path.abspath(name) for name in names]
    folders = {os.path.dirname(name) for name in names}
    root = os.path.commonpath(folders) if folders else ''
    digest, seen, where = hashlib.sha256(), set(), Whereabouts()
    if getattr(source, 'multi_label', False):
        digest.update(repr(source.classes).encode())  # a label is a row of marks: what its columns mean
    for i, name in enumerate(names):
        label = source.label(i)
        shown = label.tolist() if hasattr(label, 'tolist') else label
        digest.update(f'{os.path.relpath(name, root) if root else name}\0{shown}\n'.encode(errors='replace'))
        if files:
            file = where.file(name)
            if file and file not in seen:
                seen.add(file)
                status = os.stat(file)
                digest.update(str((status.st_size, status.st_mtime_ns)).encode())
    return {samples: len(names), 'sha256': digest.hexdigest()}

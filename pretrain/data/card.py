"""The card of a data set: what a recipe must know before it reads an image."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from pretrain.data.decode import ValueRange, damaged, decode_tensor, stored_channels
from pretrain.data.sources.base import Source
from pretrain.errors import ConfigError, DataError
from pretrain.files import atomic

CARD_FILE = 'dataset_card.json'

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of RGB in [0, 1], as used by torchvision, MAE, SimMIM and most recipes."""
INCEPTION_MEAN = INCEPTION_STD = (0.5, 0.5, 0.5)
"""BEiT's default: maps [0, 1] to [-1, 1]."""


@dataclasses.dataclass(frozen=True)
class DatasetCard:
    """Facts of a data set, stored as `dataset_card.json` in its folder.

    Args:
        name: of the data set.
        channels: of its images.
        mean, std: per channel, of pixel values in [0, 1].
        num_images: in the whole set, also when the statistics are from a sample.
        classes: names in label order; empty for an unlabelled set.
        licence: SPDX name or a phrase; empty when unknown.
        value_range: `(low, high)` that became [0, 1], where images are not of 8 bits; see `pretrain.data.decode`.
    """

    name: str
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    num_images: int
    classes: tuple[str, ...] = ()
    licence: str = ''
    value_range: ValueRange = None

    def __post_init__(self):
        if self.channels < 1:
            raise DataError(f'card {self.name!r}: {self.channels} channels; an image has at least one')
        if not len(self.mean) == len(self.std) == self.channels:
            raise DataError(
                f'card {self.name!r}: {self.channels} channels, mean {self.mean} and std {self.std} disagree'
            )
        if not all(math.isfinite(value) for value in (*self.mean, *self.std)):
            raise DataError(
                f'card {self.name!r}: mean {self.mean} and std {self.std} must be numbers; measure the data again with '
                '`mimbench card DATA`'
            )
        if min(self.std) <= 0:
            raise DataError(f'card {self.name!r}: std {self.std} must be positive; a constant channel carries nothing')

    def save(self, folder: str | Path) -> Path:
        """Write `dataset_card.json`, atomically; its path."""
        path = Path(folder) / CARD_FILE
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(dataclasses.asdict(self), indent=2) + '\n')
        return path


def load_card(path: str | Path) -> DatasetCard:
    """The card at `path`, a file or the folder of the data set. Raises DataError when absent or malformed."""
    path = Path(path)
    path = path / CARD_FILE if path.is_dir() else path
    if not path.exists():
        raise DataError(f'no dataset card {str(path)!r}; `mimbench card DATA` writes one')
    known = {field.name for field in dataclasses.fields(DatasetCard)}
    try:
        values = json.loads(path.read_text())
        unknown = set(values) - known
        if unknown:
            raise DataError(
                f'dataset card {str(path)!r} has an unknown field {min(unknown)!r}; allowed: {sorted(known)}'
            )
        for field in ('mean', 'std', 'classes'):
            values[field] = tuple(values.get(field, ()))
        if values.get('value_range') is not None:
            values['value_range'] = tuple(values['value_range'])
        return DatasetCard(**values)
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise DataError(f'dataset card {str(path)!r} is malformed: {error}') from error


def use_card(cfg: Any, card: DatasetCard, loader: str) -> None:
    """Write what a DatasetCard says of its images into a config: how they are read by a loader, and normalised."""
    cfg.model.update(channels=card.channels, mean=list(card.mean), std=list(card.std))
    cfg[loader].dataset.update(channels=card.channels, value_range=card.value_range)


def measure_card(
    source: Source,
    name: str,
    channels: int | None = None,
    max_images: int | None = None,
    seed: int = 0,
    value_range: ValueRange = None,
    licence: str = '',
) -> DatasetCard:
    """Count the images and measure mean and standard deviation over all their pixels, at stored resolution.

    One pass with exact integer sums of 8-bit values, so the order does not matter. `max_images` measures a sample
    without replacement that depends only on `seed`; `channels` are by default the most that one of a hundred images
    has. Raises DataError for an empty set, a damaged image or a constant channel, ConfigError for `channels` or
    `max_images` below 1.
    """
    for setting, value in (('channels', channels), ('max_images', max_images)):
        if value is not None and value < 1:
            raise ConfigError(f'{setting} is {value}; allowed: whole numbers from 1, or None')
    if not len(source):
        raise DataError(f'data set {name!r} has no image')
    if channels is None:
        channels = _most_channels(source)
    chosen = np.arange(len(source))
    if max_images is not None and max_images < len(source):
        chosen = np.sort(np.random.RandomState(seed).permutation(len(source))[:max_images])
    levels = np.arange(256, dtype=np.float64) / 255
    histogram = np.zeros((channels, 256), dtype=np.int64)
    for index in chosen.tolist():
        histogram += _histogram(source, index, channels, value_range)
    share = histogram / histogram.sum(1, keepdims=True)
    mean = share @ levels
    std = np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1))
    return DatasetCard(
        name,
        channels,
        tuple(mean.tolist()),
        tuple(std.tolist()),
        len(source),
        tuple(source.classes or ()),
        licence,
        value_range,
    )


def _most_channels(source: Source, images: int = 100) -> int:
    """Colour sets hold a few grey files, so one image does not tell."""
    most = 1
    for index in np.linspace(0, len(source) - 1, min(images, len(source))).astype(int).tolist():
        try:
            most = max(most, stored_channels(source.read(index)))
        except Exception as error:  # decoders raise anything on foreign bytes
            raise damaged(source.name(index), error) from error
    return most


def _histogram(source: Source, index: int, channels: int, value_range: ValueRange) -> np.ndarray:
    try:
        image = decode_tensor(source.read(index), channels, value_range).numpy()
    except Exception as error:  # decoders raise anything on foreign bytes
        raise damaged(source.name(index), error) from error
    return np.stack([np.bincount(channel.ravel(), minlength=256) for channel in image])

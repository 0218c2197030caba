"""The two parts of a labelled data set, and what must hold between them in every domain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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

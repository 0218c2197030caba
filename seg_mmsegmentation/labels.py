"""What a mask file says: one label per pixel, and what class a label stands for."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pretrain.errors import ConfigError, DataError

IGNORED = 255
"""The class index of pixels that neither train nor count; MMSegmentation's own."""
UNKNOWN = 254
"""The class index of labels that stand for nothing."""
MOST_LABELS = 1 << 16
_MODES = ('1', 'L', 'P', 'I')
"""Pillow's modes of one channel of integers; `P` holds indices into a palette. 16-bit modes begin with `I`."""


def read_mask(path: str | Path) -> np.ndarray:
    """The labels of a mask, `(H, W)` unsigned integers. A palette image gives its indices, not its colours.

    Raises DataError for a file that cannot be read, or that holds colours.
    """
    try:
        with Image.open(path) as image:
            if not image.mode.startswith(_MODES) or image.mode.startswith(('LA', 'PA')):
                raise DataError(
                    f'mask {str(path)!r} holds colours (mode {image.mode}); it must have one channel, with a class '
                    'index in every pixel'
                )
            mask = np.asarray(image)
    except DataError:
        raise
    except Exception as error:  # decoders raise anything on foreign bytes
        if isinstance(error, MemoryError):
            raise
        cause = ' '.join(str(error).split()) or type(error).__name__
        raise DataError(f'mask {str(path)!r} cannot be decoded: {cause}; replace or remove it') from error
    if mask.min() < 0 or mask.max() >= MOST_LABELS:
        raise DataError(f'mask {str(path)!r} has labels from {mask.min()} to {mask.max()}; allowed: 0 to 65535')
    return mask.astype(np.uint8 if mask.dtype == bool else np.uint16 if mask.dtype.itemsize > 1 else mask.dtype)


class LabelRule:
    """From labels to class indices.

    Args:
        num_classes: at most 254.
        ignore: labels of pixels that do not count.
        reduce_zero: label 0 does not count, and label i stands for class i - 1 (ADE20K).
        label_map: class index of each label, after `reduce_zero`; 255 for none. Without it, labels are class indices.

    Raises ConfigError for too many classes or a label that no mask can hold.
    """

    def __init__(
        self,
        num_classes: int,
        ignore: Sequence[int] = (IGNORED,),
        reduce_zero: bool = False,
        label_map: Mapping[int, int] | None = None,
    ):
        if not 1 <= num_classes <= UNKNOWN:
            raise ConfigError(f'there are {num_classes} classes; allowed: 1 to {UNKNOWN}')
        self.num_classes, self.ignore, self.reduce_zero = num_classes, tuple(ignore), reduce_zero
        self.table = np.full(MOST_LABELS, UNKNOWN, np.uint8)
        indices = label_map or {i: i for i in range(num_classes)}
        odd = [label for label in (*indices, *self.ignore) if not 0 <= label + reduce_zero < MOST_LABELS]
        if odd:
            raise ConfigError(f'the class list or ignore_index has label {odd[0]}; allowed: 0 to {MOST_LABELS - 1}')
        for label, index in indices.items():
            self.table[label + reduce_zero] = index
        if reduce_zero:
            self.table[0] = IGNORED
        self.table[list(self.ignore)] = IGNORED

    def classes(self, mask: np.ndarray, path: str | Path) -> np.ndarray:
        """Class indices uint8 `(H, W)`, 255 where nothing counts. DataError for a label that stands for nothing."""
        classes = self.table[mask]
        if (classes == UNKNOWN).any():
            raise DataError(self._unknown(np.unique(mask), path))
        return classes

    def _unknown(self, labels: np.ndarray, path: str | Path) -> str:
        odd = [int(label) for label in labels if self.table[label] == UNKNOWN]
        known = np.flatnonzero(self.table < UNKNOWN)
        text = (
            f'mask {str(path)!r}: label {odd[0]} is none of the {self.num_classes} classes (labels {known.min()} to '
            f'{known.max()})'
        )
        if odd == [self.num_classes] and not self.reduce_zero:
            return (
                f'{text}; if label 0 means unlabelled, set reduce_zero_label=True of both data sets, if label {odd[0]} '
                f'does, set ignore_index={odd[0]}'
            )
        return f'{text}; add it to the class list, or to ignore_index of the data set if it means unlabelled'


@functools.lru_cache(maxsize=16)
def label_rule(
    num_classes: int, ignore: tuple[int, ...], reduce_zero: bool, label_map: tuple[tuple[int, int], ...] | None
) -> LabelRule:
    """The rule, remembered, because every sample of a data set asks for the same; `label_map` as pairs."""
    return LabelRule(num_classes, ignore, reduce_zero, None if label_map is None else dict(label_map))

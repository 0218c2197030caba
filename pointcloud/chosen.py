"""A source made of some of another source's clouds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pretrain.errors import DataError
from pretrain.registry import DATASETS


class ChosenClouds:
    """Base of the sources that take some clouds of another one; all else is that source's.

    Args:
        source: the source or its config.

    Attributes:
        chosen: numbers of the clouds in `source`, set by the subclass.
        parts, num_parts: those of a source whose points have parts.
        farthest_first, notes, up: see ModelNet and PointDataset.
    """

    chosen: Sequence[int] = ()

    def __init__(self, source: Any):
        self.source = DATASETS.build(source) if isinstance(source, Mapping) else source
        self.classes = self.source.classes
        self.has_parts = getattr(self.source, 'has_parts', False)
        self.farthest_first = getattr(self.source, 'farthest_first', False)
        self.notes = getattr(self.source, 'notes', [])
        self.up = getattr(self.source, 'up', 'y')
        if self.has_parts:
            self.parts, self.num_parts = self.source.parts, self.source.num_parts

    def labels(self) -> np.ndarray:
        """Of all clouds of `source`, int64. Raises DataError when it has none."""
        found = [self.source.label(i) for i in range(len(self.source))]
        if None in found:
            name = self.source.name(found.index(None))
            raise DataError(
                f'{name!r} has no label, which {type(self).__name__} needs of all clouds; give labelled data'
            )
        return np.array(found, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.chosen)

    def name(self, i: int) -> str:
        return self.source.name(self.chosen[i])

    def read(self, i: int) -> np.ndarray:
        return self.source.read(self.chosen[i])

    def label(self, i: int) -> int | None:
        return self.source.label(self.chosen[i])

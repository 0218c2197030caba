"""Dice and Hausdorff distance per organ that depend on the predictions alone: not on batches, order or processes."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance
from torch import Tensor, nn

from medical.prepare import spacing_of
from pretrain.engine.evaluation import check_complete, gather_rows
from pretrain.errors import ConfigError
from pretrain.record import Scores

GRIDS = ('stored', 'prepared')
"""Where masks are compared: on the voxels of the label's file, or on those that the network sees."""


@dataclass
class Row:
    """What is kept of one volume: voxel counts int64 `(organs,)`, and distances in millimetres, NaN where undefined."""

    index: int
    both: np.ndarray
    predicted: np.ndarray
    true: np.ndarray
    distance: np.ndarray


class OrganMetric:
    """Dice and HD95 of each organ, averaged over the volumes that have it, and then over organs.

    Overall: `dice` in [0, 1], `hd95` in millimetres, and a `dice_*` and `hd95_*` for each group; per class the same and
    three counts of volumes: `present` have the organ, `missed` have it while nothing is predicted, `false_alarms` lack
    it while something is.

    An organ that a volume lacks has neither score there (MONAI's `ignore_empty`): a false alarm only shows in its
    count. An organ that is missed has Dice 0 and no distance. A mean without a single value is left out. HD95 is the
    larger of the two directed 95th percentiles of surface distances, as MONAI defines it, with the spacing of the grid.

    Args:
        dataset: a VolumeDataset.
        organs: names of what the model predicts.
        groups: `{name: [organs]}` whose means are scores, too (the eight organs of TransUNet).
        distances: compute HD95.
        grid: one of GRIDS. 'stored' takes predicted masks to the voxels of the files, whose labels `dataset` must give.
    """

    def __init__(
        self,
        dataset: Any,
        organs: Sequence[str],
        groups: Mapping[str, Sequence[str]] | None = None,
        distances: bool = True,
        grid: str = 'prepared',
    ):
        if grid not in GRIDS:
            raise ConfigError(f'task.grid is {grid!r}; allowed: {", ".join(map(repr, GRIDS))}')
        self.grid = grid
        self.dataset, self.organs, self.distances = dataset, list(organs), distances
        self.groups = {'': self.organs, **{f'_{name}': list(members) for name, members in (groups or {}).items()}}
        for name, members in self.groups.items():
            unknown = sorted(set(members) - set(self.organs))
            if unknown or not members:
                raise ConfigError(f'task.groups{name}: {unknown} are none of the organs {self.organs}')
        self.rows: list[Row] = []

    def observe(self, model: nn.Module, batch: dict) -> None:
        """Segment the volumes of a batch, one after the other. Raises RuntimeError naming the one that fails."""
        for i, index in enumerate(batch['index'].tolist()):
            try:
                masks = model.segment(batch['image'][i])
            except RuntimeError as error:
                raise RuntimeError(f'prediction for {self.dataset.name(index)}: {error}') from error
            if self.grid == 'stored':
                label, affine = batch['stored_label'][i], batch['stored_affine'][i]
                masks = to_grid(masks, batch['affine'][i], label.shape, affine)
            else:
                label, affine = batch['label'][i], batch['affine'][i]
            self.add(index, masks, model.masks_of(label[None])[0], spacing_of(affine))

    def add(self, index: int, predicted: Tensor, true: Tensor, spacing: Sequence[float]) -> None:
        """Masks bool `(organs, D, H, W)` of volume `index`, with the size of its voxels in millimetres."""
        predicted, true = predicted.cpu(), true.cpu()
        if predicted.shape != true.shape or len(true) != len(self.organs):
            raise RuntimeError(
                f'prediction for {self.dataset.name(index)}: masks {tuple(predicted.shape)}, the label '
                f'{tuple(true.shape)}, organs {len(self.organs)}'
            )
        counts = [mask.flatten(1).sum(1, dtype=torch.int64).numpy() for mask in (predicted & true, predicted, true)]
        distance = np.full(len(self.organs), np.nan)
        if self.distances:
            for organ in np.flatnonzero((counts[1] > 0) & (counts[2] > 0)):
                distance[organ] = hd95(predicted[organ], true[organ], spacing)
        self.rows.append(Row(index, *counts, distance))

    def gather(self) -> None:
        """Bring the rows of all processes to every one of them."""
        self.rows = gather_rows(self.rows)

    def scores(self) -> Scores:
        """Raises RuntimeError unless every volume was seen exactly once."""
        rows = sorted(self.rows, key=lambda row: row.index)
        check_complete([row.index for row in rows], len(self.dataset))
        both, predicted, true, distance = (
            np.stack([getattr(row, name) for row in rows]) for name in ('both', 'predicted', 'true', 'distance')
        )
        dice = np.full(both.shape, np.nan)
        np.divide(2 * both, predicted + true, out=dice, where=true > 0)
        values = {'dice': _means(dice), 'hd95': _means(distance)}
        per_class = {name: self._named(column) for name, column in values.items()}
        per_class |= {
            'present': self._named((true > 0).sum(0)),
            'missed': self._named(((true > 0) & (predicted == 0)).sum(0)),
            'false_alarms': self._named(((true == 0) & (predicted > 0)).sum(0)),
        }
        overall = {}
        for name in values:
            for group, members in self.groups.items():
                known = [per_class[name][organ] for organ in members if organ in per_class[name]]
                if known:
                    overall[f'{name}{group}'] = float(np.mean(known))
        overall.setdefault('dice', 0.0)
        overall['missed'] = float(sum(per_class['missed'].values()))
        return Scores(overall, {name: column for name, column in per_class.items() if column}, len(rows))

    def _named(self, values: np.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in zip(self.organs, values, strict=True) if not np.isnan(value)}


def to_grid(masks: Tensor, affine: Tensor, shape: Sequence[int], wanted: Tensor) -> Tensor:
    """Masks `(organs, D, H, W)` with an affine `(4, 4)`, as other voxels see them: `(organs, *shape)`, affine `wanted`.

    Each voxel takes the nearest one, and is empty where it lies outside. Of two equally near ones the later is taken,
    by a millionth of a voxel, so that rounding decides nothing.
    """
    between = torch.linalg.inv(affine.double()) @ wanted.double()
    sides = torch.tensor(masks.shape[1:])[:, None, None]
    across, along = torch.meshgrid(*(torch.arange(n).double() for n in shape[1:]), indexing='ij')
    columns = between[:3, :, None, None]
    plane = columns[:, 1] * across + columns[:, 2] * along + columns[:, 3]
    out, flat = masks.new_zeros(len(masks), *shape), masks.flatten(1)
    for i in range(shape[0]):  # one plane at a time: coordinates in float64 of a whole CT take gigabytes
        at = (plane + columns[:, 0] * i + 1e-6).round().long()
        inside = ((at >= 0) & (at < sides)).all(0)
        place = (at[0] * masks.shape[2] + at[1]) * masks.shape[3] + at[2]
        out[:, i] = flat.index_select(1, place.where(inside, 0).flatten()).view_as(out[:, i]) & inside
    return out


def hd95(predicted: Tensor, true: Tensor, spacing: Sequence[float]) -> float:
    """95th percentile Hausdorff distance of two masks `(D, H, W)`, neither empty, in the unit of `spacing`."""
    masks = [mask[None, None].float() for mask in _tight(predicted, true)]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # MONAI's, about its own call
        found = compute_hausdorff_distance(*masks, include_background=True, percentile=95, spacing=tuple(spacing))
    return float(found.double())


def _tight(*masks: Tensor) -> list[Tensor]:
    """The same box of all masks, one voxel larger than what they hold; surfaces stay what they were."""
    held = torch.stack(masks).any(0)
    box = []
    for axis in range(held.dim()):
        others = tuple(a for a in range(held.dim()) if a != axis)
        at = held.any(others[1]).any(others[0]) if others[0] < others[1] else held.any(others)
        places = at.nonzero()
        box.append(slice(max(int(places[0]) - 1, 0), int(places[-1]) + 2))
    return [mask[tuple(box)] for mask in masks]


def _means(values: np.ndarray) -> np.ndarray:
    """Mean over the rows of each column, in float64 and in their order, NaN left out; NaN where there is none."""
    known = ~np.isnan(values)
    counts = known.sum(0)
    total = np.where(known, values, 0.0).sum(0)
    return np.divide(total, counts, out=np.full(values.shape[1], np.nan), where=counts > 0)

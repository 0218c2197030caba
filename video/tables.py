"""Tables of clips with groups, split by group: clips of one patient or recording never stand on both sides."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from pretrain.data.sources.base import existing
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS
from video.sources import ClipSource, number_labels


@DATASETS.register_module()
class ClipTable(ClipSource):
    """A tab-separated table with a header: `path`, `label`, and maybe `group`; other columns are left alone.

    Without a column `group` every video is a group of its own, and `groups` is None.

    Args:
        file: its first line may begin with `#`.
        root: folder that paths start from; by default that of `file`. Leading folders of a path that are not there are
            left out, so a table may be moved with its videos.
        part: 'all', or 'train' or 'val' of a split by group.
        folds, fold: number of folds, and which of them is 'val'. See `group_folds`.
        seed: of the split.
        labels: False to leave them out; the split is the same, so that pre-training does not see what is validated.
    """

    def __init__(
        self,
        file: str | Path,
        root: str | Path | None = None,
        part: str = 'all',
        folds: int = 5,
        fold: int = 0,
        seed: int = 0,
        labels: bool = True,
    ):
        path = existing(file, 'table of videos')
        folder = existing(root, 'root folder') if root is not None else path.parent
        if part not in ('all', 'train', 'val') or not 0 <= fold < folds:
            raise ConfigError(
                f"source.part is {part!r}, fold {fold} of {folds}; allowed: 'all', 'train', 'val', 0 to folds - 1"
            )
        labelled = labels or part != 'all'  # the split goes by labels too
        lines, rows = _table(path, ('path', 'label', 'group') if labelled else ('path', 'group'))
        numbers, classes = list[int | None]([None] * len(rows)), None
        if labelled:
            places = [f'{path}:{line}' for line in lines]
            numbers, classes = number_labels([row['label'].strip() for row in rows], None, places)
        groups = [row['group'] for row in rows] if 'group' in rows[0] else None
        chosen = range(len(rows))
        if part != 'all':
            place = group_folds(numbers, groups or [str(i) for i in range(len(rows))], folds, seed)
            chosen = [i for i in range(len(rows)) if (place[i] == fold) == (part == 'val')]
        kept = [numbers[i] if labels else None for i in chosen]
        super().__init__([_found(folder, rows[i]['path']) for i in chosen], kept)
        self.classes = classes if labels else None
        self.groups = [groups[i] for i in chosen] if groups else None
        if not self.paths:
            raise DataError(f'{str(path)!r} has no video for part {part!r}, fold {fold} of {folds}')


def group_folds(labels: Sequence[int | None], groups: Sequence[str], folds: int, seed: int = 0) -> np.ndarray:
    """The fold of every sample, so that no group is in two folds and classes are spread as evenly as that allows.

    Groups come in order of size, equal ones shuffled by the seed; each goes where the sum over classes of squared
    counts grows least. Raises DataError where there are fewer groups than folds.
    """
    numbers = np.array([0 if label is None else label for label in labels])
    names = sorted(set(groups))
    if len(names) < folds:
        raise DataError(f'{len(names)} groups cannot be split into {folds} folds; use fewer')
    members = {name: np.flatnonzero(np.array(groups) == name) for name in names}
    order = np.random.RandomState(seed).permutation(len(names))
    ranked = sorted((names[i] for i in order), key=lambda name: -len(members[name]))
    counts = np.zeros((folds, numbers.max() + 1), int)
    fold_of = np.zeros(len(labels), int)
    for name in ranked:
        added = np.bincount(numbers[members[name]], minlength=counts.shape[1])
        growth = ((counts + added) ** 2).sum(1) - (counts**2).sum(1)
        best = int(np.lexsort((counts.sum(1), growth))[0])
        counts[best] += added
        fold_of[members[name]] = best
    return fold_of


def _table(path: Path, needed: Sequence[str]) -> tuple[list[int], list[dict[str, str]]]:
    """Numbers of lines, and their cells by column.

    Raises DataError naming the line where a needed column is empty; `group` may not be there.
    """
    lines = path.read_text(encoding='utf-8-sig').splitlines()
    header = lines[0].lstrip('# ').split('\t') if lines else []
    if 'path' not in header or 'label' not in header:
        raise DataError(f'{path}: its first line must name the columns path and label, separated by tabs')
    numbers, rows = [], []
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            row = dict(zip_longest(header, line.split('\t')[: len(header)], fillvalue=''))
            empty = [name for name in needed if name in header and not row[name].strip()]
            if empty:
                raise DataError(f'{path}:{number} has no {empty[0]}; fill it in, or remove the line')
            numbers.append(number)
            rows.append(row)
    if not rows:
        raise DataError(f'{path} names no video')
    return numbers, rows


def _found(folder: Path, name: str) -> str:
    """The file of a table's path: as it is, or without leading folders that are not there."""
    parts = Path(name).parts
    for start in range(len(parts)):
        candidate = folder.joinpath(*parts[start:])
        if candidate.is_file():
            return str(candidate)
    return str(folder / name)

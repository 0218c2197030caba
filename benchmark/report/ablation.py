"""Curves of ablations: runs whose folder says in `node.json` what was varied."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.cells import Column, Table
from benchmark.nodes import EDITION, NOT_VARIED, STUDY
from benchmark.report.charts import Point
from benchmark.statistics import summarise
from benchmark.store import RANDOM, Run

MOST_LINES = 8


@dataclass
class Curves:
    """Scores of one study in one column over one axis.

    Attributes:
        axis: the label that varies.
        lines: by the values of the other labels that vary ('' where none does), the points in the order of the axis.
        runs: of each point, beside `lines`.
        categories: the axis' values as text, where they are no numbers; a point's `x` is an index into them.
        fixed: labels that are the same everywhere in the study.
        band: mean, spread and number of the random controls; None without, or where networks of several kinds differ.
        hidden: lines beyond `MOST_LINES` that are left out.
    """

    study: str
    column: Column
    axis: str
    lines: dict[str, list[Point]]
    runs: dict[str, list[list[Run]]]
    categories: list[str] | None
    fixed: dict[str, Any]
    band: tuple[float, float | None, int] | None
    band_runs: list[Run] = field(default_factory=list)
    hidden: int = 0

    @property
    def title(self) -> str:
        return f'{self.study}: {self.column.label} over {self.axis}'


def ablation_curves(table: Table) -> list[Curves]:
    """One for each study, column and label that varies in it; labels are compared as text where they are no numbers.

    A study that was changed and run again is two, and so is one that was run in two folders.
    """
    groups: dict[tuple[str, str, str, tuple], list[tuple[Run, dict[str, Any]]]] = defaultdict(list)
    editions: dict[str, set[str]] = defaultdict(set)
    columns = {column.key: column for column in table.columns}
    for cell in table.cells.values():
        if cell.subject.role == RANDOM:
            continue
        for run in cell.runs:
            if STUDY in run.labels:
                edition = str(run.labels.get(EDITION, ''))
                editions[str(run.labels[STUDY])].add(edition)
                place = str(cell.subject.place or '')
                groups[str(run.labels[STUDY]), edition, place, cell.column.key].append((run, run.labels))
    found = []
    for (study, edition, place, key), members in sorted(
        groups.items(), key=lambda item: (item[0][:3], columns[item[0][3]].label)
    ):
        name = f'{study} (edition {edition or "unknown"})' if len(editions[study]) > 1 else study
        name += f' in {place}' if place else ''
        found += _curves_of(name, columns[key], members, table)
    return found


def _curves_of(study: str, column: Column, members: list[tuple[Run, dict]], table: Table) -> list[Curves]:
    names = sorted({name for _, labels in members for name in labels} - set(NOT_VARIED))
    values = {name: _unique([labels.get(name) for _, labels in members]) for name in names}
    varied = [name for name in names if len(values[name]) > 1]
    fixed = {name: values[name][0] for name in names if len(values[name]) == 1}
    band_runs = _controls(column, [run for run, _ in members], table)
    band = None
    if band_runs:
        of_controls = summarise([run.result.score for run in band_runs])
        band = (of_controls.mean, of_controls.std, of_controls.n)
    found = []
    for axis in varied:
        numeric = all(_is_number(value) for value in values[axis])
        places = sorted(values[axis]) if numeric else sorted(values[axis], key=str)
        lines: dict[str, dict[int, list[Run]]] = defaultdict(lambda: defaultdict(list))
        for run, labels in members:
            name = ', '.join(f'{other} {labels.get(other)}' for other in varied if other != axis)
            lines[name][places.index(labels.get(axis))].append(run)
        shown = dict(sorted(lines.items())[:MOST_LINES])
        points = {name: [_point(places[i] if numeric else i, of[i]) for i in sorted(of)] for name, of in shown.items()}
        runs = {name: [of[i] for i in sorted(of)] for name, of in shown.items()}
        categories = None if numeric else [str(place) for place in places]
        hidden = len(lines) - len(shown)
        found.append(Curves(study, column, axis, points, runs, categories, fixed, band, band_runs, hidden))
    return found


def _controls(column: Column, runs: Sequence[Run], table: Table) -> list[Run]:
    """Random controls, if all runs are of one network."""
    networks = {run.network_hash for run in runs}
    if len(networks) != 1:
        return []
    (network,) = networks
    cells = table.column_cells(column)
    return [
        run
        for cell in cells
        if cell.subject.role == RANDOM and network and cell.subject.network_hash == network
        for run in cell.runs
    ]


def _point(x: float, runs: Sequence[Run]) -> Point:
    found = summarise([run.result.score for run in runs])
    return Point(float(x), found.mean, found.std, found.n)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _unique(values: list) -> list:
    """Different values; lists and the like are no dictionary keys, so they are compared one by one."""
    found: list = []
    for value in values:
        if value not in found or (isinstance(value, bool) and not any(value is other for other in found)):
            found.append(value)
    return found

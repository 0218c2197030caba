"""Two runs, or two checkpoints, side by side: where they differ in score, and in what else they differ.

Only runs of one column (protocol, version and hash) are subtracted from each other. A protocol that both have under
different hashes is named with what differs, and not compared.
"""

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark.cells import Cell, Column, Table, tabulate
from benchmark.nodes import NOT_VARIED
from benchmark.statistics import Gain, Summary, gain, summarise
from benchmark.store import RANDOM, Problem, Run, collect
from pretrain.errors import UserError
from pretrain.record import Result

EVERYWHERE, PROXY = 'all protocols', 'proxy'
_NAMES_OF_PLACES = ('--work-dir', '--checkpoint', '--seed', '--like')
"""Options of a command that always differ, or that the facts hold in a better form."""


@dataclass(frozen=True)
class Side:
    """One of the two: the name that was given, and its cells by column."""

    name: str
    label: str
    cells: dict[tuple, Cell]
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One shared protocol.

    Attributes:
        gain: of B over A; positive is better for B.
        verdict: 'B is better', 'A is better', 'undecided at n=2', or 'proxy' for what measures features alone.
        metrics: means of A and B by metric, for all that both have.
    """

    column: Column
    a: Summary
    b: Summary
    gain: Gain
    verdict: str
    metrics: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Difference:
    """A fact that is not the same on both sides; texts of what the runs say, several values joined by `; `."""

    where: str
    fact: str
    a: str
    b: str


@dataclass
class Comparison:
    """Attributes:
    apart: labels of protocols that both have with other data or options, so that they are not compared.
    only_a, only_b: labels of protocols that one side alone has.
    problems: results that were left out, or are to be looked at; files of weights are not read.
    """

    a: Side
    b: Side
    rows: list[Row]
    differences: list[Difference] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    only_a: list[str] = field(default_factory=list)
    only_b: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def compare(a: str, b: str, places: Sequence[str | Path] = ()) -> Comparison:
    """Compare two run directories (or folders with runs of one checkpoint), or two checkpoints by name.

    Args:
        places: where runs of checkpoints that are given by name are looked for; a folder of that name comes second.

    Raises UserError for what is neither, for a name that several checkpoints have, and where no protocol is shared.
    """
    found = collect(places, check_weights=False)
    table = tabulate(found.runs)
    sides = [_find(name, table, places) for name in (a, b)]
    compared = compare_sides(*sides)
    compared.problems = list(dict.fromkeys([*found.problems, *sides[0].problems, *sides[1].problems]))
    return compared


def compare_sides(a: Side, b: Side) -> Comparison:
    """As `compare`, of sides that were found already."""
    shared = [key for key in a.cells if key in b.cells]
    rows = [_row(a.cells[key], b.cells[key]) for key in shared]
    ids = {cell.column.id for cell in a.cells.values()} & {cell.column.id for cell in b.cells.values()}
    if not ids:
        raise UserError(
            f'{a.label} and {b.label} share no protocol: {_listed(a.cells.values())}; '
            f'{_listed(b.cells.values())}: run both under one protocol'
        )
    compared = {key[0] for key in shared}
    found = Comparison(a, b, rows, apart=sorted(ids - compared))
    found.only_a = sorted({cell.column.id for cell in a.cells.values()} - ids)
    found.only_b = sorted({cell.column.id for cell in b.cells.values()} - ids)
    found.differences = _differences(a, b, sorted(ids), set(shared))
    return found


def facts(result: Result) -> dict[str, str]:
    """All that may explain a difference in score, flat: `derived.lr`, `environment.torch`, `card.epochs`."""
    content = result.model_dump(mode='json', exclude={'start', 'load_report', 'scores', 'per_class', 'cost'})
    start, report = result.start, result.load_report or {}
    kept: dict[str, Any] = {
        **{name: content[name] for name in ('config', 'config_hash', 'recipe', 'data', 'num_samples', 'derived')},
        **{name: content[name] for name in ('effective_batch', 'world_size', 'environment', 'notes', 'protocol')},
        'checkpoint': {'sha256': start.sha256, 'random': start.random},
        'card': start.card.model_dump(mode='json', exclude={'source_file'}) if start.card else None,
        'load': {name: report.get(name) for name in ('coverage', 'counts', 'allowed')},
        'command': {'options': _options(result.command)},
    }
    return {name: text for name, text in _flat(kept) if text}


def _find(name: str, table: Table, places: Sequence[str | Path]) -> Side:
    """A checkpoint of the table by its name, else a folder."""
    where = ', '.join(map(str, places))
    matching = [subject for subject in table.subjects if name == subject.label]
    matching = matching or [
        subject for subject in table.subjects if subject.label.startswith((f'{name} #', f'{name} ('))
    ]
    if len(matching) > 1:
        raise UserError(f'{name}: several checkpoints in {where}: {", ".join(s.label for s in matching)}')
    if matching:
        return _side(name, matching[0], table)
    if Path(name).exists():
        return _from_folder(name)
    if not places:
        raise UserError(f'{name}: no such folder; to give a checkpoint by its name, add the folders of its runs')
    known = ', '.join(subject.label for subject in table.subjects) or 'none'
    raise UserError(f'{name}: neither a folder nor a checkpoint in {where}; there are: {known}')


def _from_folder(place: str) -> Side:
    found = collect([place], check_weights=False)
    if not found.runs:
        why = f': {found.problems[0]}' if found.problems else ''
        raise UserError(f'{place}: no finished run{why}')
    table = tabulate(found.runs)
    subjects = [subject for subject in table.subjects if subject.role != RANDOM] or table.subjects
    if len(subjects) > 1:
        names = ', '.join(subject.label for subject in subjects)
        raise UserError(f'{place} holds runs of {names}; name one of them, with {place} as RUNS')
    side = _side(place, subjects[0], table)
    return replace(side, problems=found.problems)


def _side(name: str, subject, table: Table) -> Side:
    cells = {c.key: cell for c in table.columns if (cell := table.cell(subject, c)) is not None}
    return Side(name, subject.label, cells)


def _row(a: Cell, b: Cell) -> Row:
    found = gain(b.scores, a.scores, a.column.higher_is_better)
    verdict = {'helps': 'B is better', 'hurts': 'A is better'}.get(found.verdict, found.verdict)
    if a.column.features_only:
        verdict = PROXY  # more of it is not known to be better
    names = [name for name in a.runs[0].result.scores if all(name in r.result.scores for r in [*a.runs, *b.runs])]
    metrics = {name: (_mean(a.runs, name), _mean(b.runs, name)) for name in names}
    return Row(a.column, a.summary, b.summary, found, verdict, metrics)


def _mean(runs: Iterable[Run], metric: str) -> float:
    return summarise([run.result.scores[metric] for run in runs]).mean


def _differences(a: Side, b: Side, ids: Sequence[str], shared: set[tuple]) -> list[Difference]:
    """By protocol; what differs alike in all of them is said once. Twins of a shared column are left aside."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name in ids:
        both = []
        for side in (a, b):
            keys = [key for key in side.cells if key[0] == name]
            keys = [key for key in keys if key in shared] or keys
            both.append(_values(run for key in keys for run in side.cells[key].runs))
        for fact in sorted(both[0].keys() | both[1].keys()):
            left, right = (side.get(fact, '') for side in both)
            if left != right:
                found[fact, left, right].append(name)
    return [
        Difference(EVERYWHERE if len(where) == len(ids) else ', '.join(where), fact, left, right)
        for (fact, left, right), where in sorted(found.items())
    ]


def _values(runs: Iterable[Run]) -> dict[str, str]:
    """Of each fact the different values of some runs, the seeds among them."""
    values: dict[str, dict[str, None]] = defaultdict(dict)
    seeds = []
    for run in runs:
        seeds.append(run.result.seed)
        varied = {f'varied.{name}': str(value) for name, value in run.labels.items() if name not in NOT_VARIED}
        for name, text in {**facts(run.result), **varied}.items():
            values[name][text] = None
    joined = {name: '; '.join(texts) for name, texts in values.items()}
    return {**joined, 'seeds': ', '.join(map(str, sorted(seeds)))}


def _flat(value: Any, name: str = '') -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f'{name}.{key}' if name else str(key))
    elif value not in (None, [], ''):
        yield name, value if isinstance(value, str) else json.dumps(value)


def _options(command: str) -> str:
    """The options of a command that may matter, in their order; places and what the facts hold are left out."""
    try:
        words = shlex.split(command)
    except ValueError:  # an unclosed quote
        return command
    kept, skip = [], False
    for word in words:
        if word.startswith('--'):
            skip = word.partition('=')[0] in _NAMES_OF_PLACES
            kept += [] if skip else [word]
        elif not skip and kept:
            kept.append(word)
    return shlex.join(kept)


def _listed(cells: Iterable[Cell]) -> str:
    return ', '.join(dict.fromkeys(cell.column.id for cell in cells))

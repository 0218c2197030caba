"""Runs grouped into cells: one checkpoint under one protocol, over its seeds, beside its controls.

Everything that shows scores (report, comparison) takes its numbers from here, so that no two of them can disagree.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from benchmark.nodes import EDITION, NOT_VARIED, STUDY
from benchmark.protocols import DOMAINS, golden
from benchmark.store import CHECKPOINT, RANDOM, ROLES, SUPERVISED, Run, same_architecture
from pretrain.checkpoint.card import Card
from pretrain.files import json_hash

PROXIES = 'proxies-'
"""Ids of protocols that measure features begin with it."""
OTHER = 'other data or options'
SHORT = 6
"""Digits of a hash in a label."""


@dataclass(frozen=True)
class Column:
    """A protocol with its hash; only runs of one column may be compared.

    Attributes:
        label: unique among the columns; holds the version or a short hash where the id alone is not.
        recipe: '' for a recipe as shipped, 'recipe changed' where a config of ours was overridden, 'own config', or
            'imported' for scores that were taken from a log and never verified.
        twins: whether another column has the same id and version, but other data or options.
    """

    id: str
    version: int
    hash: str
    metric: str
    higher_is_better: bool
    domain: str
    label: str
    recipe: str
    twins: bool

    @property
    def key(self) -> tuple:
        return self.id, self.version, self.hash, self.metric, self.higher_is_better

    @property
    def features_only(self) -> bool:
        """Whether it measures features and no task: proxies such as RankMe, in which nothing helps or hurts."""
        return self.id.startswith(PROXIES)

    @property
    def notes(self) -> list[str]:
        """What a reader has to know before comparing: not as shipped, other data or options."""
        return [OTHER] * self.twins + [self.recipe] * bool(self.recipe)


@dataclass(frozen=True)
class Subject:
    """What is measured: one checkpoint file, or what the seeds of one variant of a study made, or random weights.

    Attributes:
        key: sha256 of the file; of a study, its name and all that was varied but for the seed; of random weights,
            `random` and the hash of the network.
        label: unique name for tables.
        network_hash: equal to that of the control that belongs to it.
        files: sha256 of every checkpoint file; several where pre-training was repeated with other seeds.
        place: folder of the study's runs, where several hold the same study.
    """

    key: str
    label: str
    role: str
    network: str
    network_hash: str
    card: Card | None
    files: tuple[str, ...] = ()
    place: Path | None = None

    @property
    def variant(self) -> str:
        """The key, whatever the place: pre-trainings of one variant are no independent witnesses."""
        return self.key.removesuffix(_at(self.place))


@dataclass
class Cell:
    """All runs of a subject in a column, at most one a seed.

    Attributes:
        controls: by role, the cell of the same network and column.
    """

    subject: Subject
    column: Column
    runs: list[Run]
    controls: dict[str, 'Cell'] = field(default_factory=dict)

    @cached_property
    def scores(self) -> dict[int, float]:
        """By seed."""
        return {run.result.seed: run.result.score for run in self.runs}

    @cached_property
    def summary(self):
        from benchmark.statistics import summarise

        return summarise(list(self.scores.values()))

    @cached_property
    def gains(self) -> dict:
        """By role of the control, the `Gain` over it."""
        from benchmark.statistics import gain

        better = self.column.higher_is_better
        return {role: gain(self.scores, control.scores, better) for role, control in self.controls.items()}

    @property
    def gain(self):
        """The gain over random initialisation; None for a control, and without one."""
        return self.gains.get(RANDOM)

    @cached_property
    def published(self):
        """The `Distance` of the first run to the published score of its protocol, or None."""
        from benchmark.published import distance

        return distance(self.runs[0].result, recipe_matches=not self.column.recipe)

    @property
    def wall_seconds(self) -> float | None:
        """Mean of a run; None where no run knows it."""
        known = [run.result.cost.wall_seconds for run in self.runs if run.result.cost.wall_seconds > 0]
        return sum(known) / len(known) if known else None

    @property
    def gpu_seconds(self) -> float:
        """Mean of a run; 0 unless all ran on GPUs."""
        seconds = [run.result.cost.gpu_seconds for run in self.runs]
        return sum(seconds) / len(seconds) if min(seconds) > 0 else 0.0


@dataclass
class Table:
    """Subjects × columns, in the order in which they are shown; `cells` by the keys of both."""

    subjects: list[Subject]
    columns: list[Column]
    cells: dict[tuple, Cell]

    def cell(self, subject: Subject, column: Column) -> Cell | None:
        return self.cells.get((subject.key, column.key))

    def column_cells(self, column: Column) -> list[Cell]:
        found = (self.cell(subject, column) for subject in self.subjects)
        return [cell for cell in found if cell is not None]

    def domains(self) -> dict[str, list[Column]]:
        """Columns by domain, both in their order."""
        found: dict[str, list[Column]] = defaultdict(list)
        for column in self.columns:
            found[column.domain].append(column)
        return dict(found)

    @property
    def runs(self) -> list[Run]:
        """All runs, those of a cell side by side."""
        return [run for column in self.columns for cell in self.column_cells(column) for run in cell.runs]


def tabulate(runs: Iterable[Run]) -> Table:
    """Group verified runs. Nothing is left out, no run is in two cells, and no cell has two runs of one seed."""
    found: dict[tuple, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    who: dict[str, list[Run]] = defaultdict(list)
    places: dict[str, Path | None] = {}
    runs = list(runs)
    for run, (key, place) in zip(runs, _keys(runs)):
        places[key] = place
        protocol = run.result.protocol
        who[key].append(run)
        found[(*run.column, protocol.metric, protocol.higher_is_better)][key].append(run)
    columns = _columns({key: next(iter(of.values()))[0] for key, of in found.items()})
    subjects = _subjects(who, places)
    by_key = {subject.key: subject for subject in subjects}
    cells = {}
    for column in columns:
        here = [
            Cell(by_key[key], column, sorted(group, key=lambda run: run.result.seed))
            for key, group in found[column.key].items()
        ]
        if not column.features_only:
            _join_controls(here)
        cells.update({(cell.subject.key, column.key): cell for cell in here})
    return Table(subjects, columns, cells)


def _keys(runs: Sequence[Run]) -> list[tuple[str, Path | None]]:
    """The subject of each run: by its weights, but seeds of one variant of a study belong together.

    A study that was run twice, in two folders, is two; the folder comes with its keys. Where two runs of one seed are
    still in a cell, the weights decide after all.
    """
    wide = [_wide_key(run, run.network_hash) for run in runs]
    split = _shared(wide, runs)
    twice = {_study(run) for run, key in zip(runs, wide) if key in split} - {None}
    places = [run.folder.parent if _study(run) in twice else None for run in runs]
    placed = [key + _at(place) for key, place in zip(wide, places)]
    split = _shared(placed, runs)
    return [(run.identity[-1], None) if key in split else (key, place) for run, key, place in zip(runs, placed, places)]


def _at(place: Path | None) -> str:
    """What a key ends with that has a place."""
    return f' in {place}' if place else ''


def _shared(keys: Sequence[str], runs: Sequence[Run]) -> set[str]:
    """Keys that would put two runs of one seed into a cell."""
    taken = Counter((key, *run.column, run.result.seed) for run, key in zip(runs, keys))
    return {key for (key, *_), count in taken.items() if count > 1}


def _study(run: Run) -> tuple[str, str] | None:
    if run.role == RANDOM or run.result.imported or STUDY not in run.labels:
        return None
    return str(run.labels[STUDY]), str(run.labels.get(EDITION))


def _wide_key(run: Run, digest: str) -> str:
    if run.role == RANDOM:
        return f'random {digest}'
    if run.result.imported:
        return f'imported {run.checkpoint}'
    if STUDY in run.labels:
        kept = {name: value for name, value in run.labels.items() if name not in NOT_VARIED}
        place = [run.labels[STUDY], run.labels.get(EDITION), kept, digest]
        return f'study {json.dumps(place, sort_keys=True, default=str)}'
    return run.result.start.sha256 or run.checkpoint


def _join_controls(cells: Sequence[Cell]) -> None:
    """Random init of the same network, and a supervised checkpoint of its architecture where there is exactly one."""
    random: dict[str, list[Cell]] = defaultdict(list)
    supervised: list[tuple[Cell, Card]] = []
    for cell in cells:
        subject = cell.subject
        if subject.role == RANDOM and subject.network_hash:
            random[subject.network_hash].append(cell)
        elif subject.role == SUPERVISED and subject.card:
            supervised.append((cell, subject.card))
    for cell in cells:
        role, card = cell.subject.role, cell.subject.card
        own = random.get(cell.subject.network_hash, ()) if role != RANDOM else ()
        others = [found for found, other in supervised if card and same_architecture(card, other)]
        for name, controls in ((RANDOM, own), (SUPERVISED, others if role == CHECKPOINT else ())):
            if len(controls) == 1:
                cell.controls[name] = controls[0]


def _columns(first: dict[tuple, Run]) -> list[Column]:
    versions = {(key[0], key[1]) for key in first}
    of_id = Counter(name for name, _ in versions)
    same = Counter((key[0], key[1]) for key in first)
    known = {(entry['id'], entry['version'], entry['recipe']) for entry in golden().values()}
    ids = {entry[0] for entry in known}
    columns = []
    for key, run in first.items():
        name, version, digest = key[:3]
        protocol = run.result.protocol
        recipe = 'recipe changed' if name in ids else 'own config'
        if (name, version, protocol.recipe) in known:
            recipe = ''
        if run.result.imported:
            recipe = 'imported'
        twins = same[name, version] > 1
        label = name + (f' v{version}' if of_id[name] > 1 else '') + (f' #{digest[:SHORT]}' if twins else '')
        columns.append(
            Column(*key, domain=run.result.domain, label=label, recipe=recipe, twins=twins)  # type: ignore[misc]
        )
    taken = Counter(column.label for column in columns)
    for i, column in enumerate(columns):
        if taken[column.label] > 1:  # hashes with equal beginnings
            columns[i] = replace(column, label=f'{column.id} v{column.version} #{column.hash} {column.metric}')
    order = {domain: i for i, domain in enumerate(DOMAINS)}
    return sorted(columns, key=lambda c: (order.get(c.domain, len(order)), c.domain, c.id, c.version, c.hash, c.metric))


def _subjects(who: dict[str, list[Run]], places: dict[str, Path | None]) -> list[Subject]:
    taken = Counter(runs[0].checkpoint for runs in who.values())
    editions: dict[str, set] = defaultdict(set)
    for runs in who.values():
        editions[str(runs[0].labels.get(STUDY))].add(runs[0].labels.get(EDITION))
    found = []
    for key, runs in who.items():
        first = runs[0]
        files = tuple(dict.fromkeys(run.result.start.sha256 for run in runs if run.result.start.sha256))
        mark = first.network_hash if first.role == RANDOM else files[0] if len(files) == 1 else json_hash(key)
        label = first.checkpoint
        if taken[label] > 1 and key.startswith('study '):
            study = str(first.labels[STUDY])
            edition = f', edition {first.labels.get(EDITION, "unknown")}' if len(editions[study]) > 1 else ''
            label += f' ({study}{edition}{_at(places[key])})'
        elif taken[label] > 1:
            label += f' #{mark[:SHORT]}'
        card = first.result.start.card
        found.append(Subject(key, label, first.role, first.network, first.network_hash, card, files, places[key]))
    again = Counter(subject.label for subject in found)
    found = [replace(s, label=f'{s.label} {s.key}') if again[s.label] > 1 else s for s in found]
    return sorted(found, key=lambda s: (ROLES.index(s.role), s.label.casefold(), s.key))

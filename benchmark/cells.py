"""Runs grouped into cells: one checkpoint under one protocol, over its seeds, beside its controls.

Everything that shows scores (report, comparison) takes its numbers from here, so that no two of them can disagree.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from benchmark.protocols import DOMAINS, golden
from benchmark.store import Run
from pretrain.checkpoint.card import Card

RANDOM, SUPERVISED, CHECKPOINT = 'random', 'supervised', 'checkpoint'
ROLES = (CHECKPOINT, SUPERVISED, RANDOM)
OTHER = 'other data or options'
SHORT = 6
"""Digits of a hash in a label."""


@dataclass(frozen=True)
class Column:
    """A protocol with its hash; only runs of one column may be compared.

    Attributes:
        label: unique among the columns; holds the version or a short hash where the id alone is not.
        recipe: '' for a recipe as shipped, 'recipe changed' where a config of ours was overridden, or 'own config'.
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
    def notes(self) -> list[str]:
        """What a reader has to know before comparing: not as shipped, other data or options."""
        return [OTHER] * self.twins + [self.recipe] * bool(self.recipe)


@dataclass(frozen=True)
class Subject:
    """What is measured: one checkpoint file, or the random initialisation of one network.

    Attributes:
        key: sha256 of the file, or `random` and the hash of the network.
        label: unique name for tables.
        network_hash: equal to that of the control that belongs to it.
    """

    key: str
    label: str
    role: str
    network: str
    network_hash: str
    card: Card | None


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
    def wall_seconds(self) -> float:
        return sum(run.result.cost.wall_seconds for run in self.runs) / len(self.runs)

    @property
    def gpu_seconds(self) -> float:
        return sum(run.result.cost.gpu_seconds for run in self.runs) / len(self.runs)


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
    """Group verified runs. Nothing is left out, and no run is in two cells."""
    found: dict[tuple, dict[tuple, list[Run]]] = defaultdict(lambda: defaultdict(list))
    who: dict[tuple, tuple] = {}
    for run in runs:
        protocol = run.result.protocol
        digest = run.network_hash
        subject = (run.role, f'random {digest}' if run.role == RANDOM else run.result.start.sha256 or run.checkpoint)
        who.setdefault(subject, (run.checkpoint, run.network, digest, run.result.start.card))
        found[(*run.column, protocol.metric, protocol.higher_is_better)][subject].append(run)
    columns = _columns({key: next(iter(of.values()))[0] for key, of in found.items()})
    subjects = _subjects(who)
    by_key = {(subject.role, subject.key): subject for subject in subjects}
    cells = {}
    for column in columns:
        here = [
            Cell(by_key[who_key], column, sorted(group, key=lambda run: run.result.seed))
            for who_key, group in found[column.key].items()
        ]
        _join_controls(here)
        cells.update({(cell.subject.key, column.key): cell for cell in here})
    return Table(subjects, columns, cells)


def _join_controls(cells: Sequence[Cell]) -> None:
    """Random init of the same network, and a supervised checkpoint of it where there is exactly one."""
    by_role: dict[tuple, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.subject.network_hash:
            by_role[cell.subject.role, cell.subject.network_hash].append(cell)
    for cell in cells:
        for role in ROLES[ROLES.index(cell.subject.role) + 1 :]:
            controls = by_role[role, cell.subject.network_hash]
            if len(controls) == 1:
                cell.controls[role] = controls[0]


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
        twins = same[name, version] > 1
        label = name + (f' v{version}' if of_id[name] > 1 else '') + (f' #{digest[:SHORT]}' if twins else '')
        columns.append(
            Column(*key, domain=run.result.domain, label=label, recipe=recipe, twins=twins)  # type: ignore[misc]
        )
    taken = Counter(column.label for column in columns)
    for i, column in enumerate(columns):
        if taken[column.label] > 1:  # hashes with equal beginnings
            columns[i] = Column(**{**column.__dict__, 'label': f'{column.id} v{column.version} #{column.hash}'})
    order = {domain: i for i, domain in enumerate(DOMAINS)}
    return sorted(columns, key=lambda c: (order.get(c.domain, len(order)), c.domain, c.id, c.version, c.hash, c.metric))


def _subjects(who: dict[tuple, tuple]) -> list[Subject]:
    taken = Counter(name for name, *_ in who.values())
    found = []
    for (role, key), (name, network, digest, card) in who.items():
        mark = digest if role == RANDOM else key
        label = f'{name} #{mark[:SHORT]}' if taken[name] > 1 else name
        found.append(Subject(key, label, role, network, digest, card))
    again = Counter(subject.label for subject in found)
    found = [
        Subject(**{**subject.__dict__, 'label': f'{subject.label} {subject.key}'})
        if again[subject.label] > 1
        else subject
        for subject in found
    ]
    return sorted(found, key=lambda s: (ROLES.index(s.role), s.label.casefold(), s.key))

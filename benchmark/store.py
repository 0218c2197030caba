"""Finished runs below some folders, each verified, and what is wrong with those that do not count.

Nothing is kept between calls: the run directories are the only truth, and a database is at most a view of them.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.nodes import DONE, LOG, NODE, STUDY, last_words, read_json, state
from pretrain.checkpoint.card import Card
from pretrain.errors import UserError
from pretrain.files import json_hash, sha256
from pretrain.record import FILE, Result, read_result

CHECKPOINT, SUPERVISED, RANDOM = ROLES = ('checkpoint', 'supervised', 'random')
"""What a run is in a comparison: of a checkpoint, or one of the two controls."""
PLAIN = ('vit', 'deit')
SIZES = {
    'tiny': (192, 12, 3),
    'small': (384, 12, 6),
    'base': (768, 12, 12),
    'large': (1024, 24, 16),
    'huge': (1280, 32, 16),
}
"""Width, blocks and heads of timm's plain transformers by name."""
NOT_ARCHITECTURE = ('img_size', 'patch_size', 'in_chans', 'class_token', 'global_pool')
"""Arguments that a card gives elsewhere, or that change no block."""


@dataclass(frozen=True)
class Run:
    """A verified result and where it lies.

    Attributes:
        checkpoint: short name of the weights for tables; controls are 'random' or 'supervised' ones.
        role: one of ROLES.
        labels: what the run is in its study, such as {'mask ratio': 0.5}; empty outside of one.
    """

    folder: Path
    result: Result
    labels: dict[str, Any] = field(default_factory=dict)

    @property
    def role(self) -> str:
        if self.result.start.random:
            return RANDOM
        card = self.result.start.card
        return SUPERVISED if card is not None and card.initial_stage == SUPERVISED else CHECKPOINT

    @property
    def checkpoint(self) -> str:
        start = self.result.start
        if start.random:
            return f'random {self.network}'
        if 'checkpoint' in self.labels:
            return str(self.labels['checkpoint'])
        if self.result.imported:
            return start.path or 'unknown'  # a name that its owner gave, and no path
        return checkpoint_name(start.path or 'unknown')

    @property
    def network(self) -> str:
        """Name of the architecture."""
        card = self.result.start.card
        return card.arch if card is not None else 'unknown'

    @property
    def network_hash(self) -> str:
        """Equal for two runs of one network, whatever its weights: a control belongs to checkpoints by it."""
        card = self.result.start.card
        return network_of(card) if card is not None else ''

    @property
    def column(self) -> tuple[str, int, str]:
        """Id, version and hash of the protocol: runs of one column may be compared."""
        protocol = self.result.protocol
        return protocol.id, protocol.version, protocol.hash

    @property
    def identity(self) -> tuple:
        """What a run measures; two runs of equal identity are duplicates."""
        start, imported = self.result.start, self.result.imported
        weights = start.sha256 or f'random {self.network_hash}'
        return (*self.column, self.result.seed, f'{imported.sha256} {imported.tag}' if imported else weights)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a run, and whether it was left out of all tables.

    Args:
        kind: 'unreadable', 'changed', 'checkpoint', 'marker', 'duplicate', 'conflict', 'versions' or 'failed'.
    """

    kind: str
    path: Path
    text: str
    excluded: bool = True

    def __str__(self) -> str:
        return f'{self.path}: {self.text}' + (' (left out)' if self.excluded else '')


@dataclass
class Collection:
    runs: list[Run] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def checkpoint_name(path: str | Path) -> str:
    """What a checkpoint file is called: as its run directory where it is an `encoder.safetensors`, else as itself."""
    path = Path(path)
    return path.resolve().parent.name if path.stem == 'encoder' else path.stem


def network_of(card: Card) -> str:
    """Hash of a network, whatever its weights."""
    return json_hash([card.arch, card.arch_args, card.position])


def same_architecture(one: Card, other: Card) -> bool:
    """Whether two networks differ in positions, class token and image size at most.

    Supervised weights seldom have the positions of masked ones, so that `network_of` would tell them apart.
    """
    return _architecture(one) == _architecture(other)


def _architecture(card: Card) -> list[Any]:
    """Plain values. A plain transformer is its arguments; those it does not give are what its name stands for."""
    said = {name: value for name, value in card.arch_args.items() if name not in NOT_ARCHITECTURE}
    family, _, rest = card.arch.partition('_')
    size = SIZES.get(rest.partition('_')[0])
    if family not in PLAIN or size is None:
        return [card.arch, card.channels, card.patch, said]
    usual = {'embed_dim': size[0], 'depth': size[1], 'num_heads': size[2], 'mlp_ratio': 4.0}
    return [PLAIN, card.channels, card.patch, {**usual, **said}]


def result_files(places: Iterable[str | Path]) -> tuple[list[Path], list[Problem]]:
    """Every `result.json` in or below the places, each once and sorted; and what cannot be read.

    Those inside of a run are none of their own. Links are followed. Raises UserError for a place that does not exist.
    """
    found: dict[str, Path] = {}
    seen: set[str] = set()
    problems: list[Problem] = []

    def cannot(error: OSError) -> None:
        problems.append(Problem('unreadable', Path(error.filename), f'cannot be read: {error.strerror}'))

    for place in map(Path, places):
        if not place.exists():
            raise UserError(f'{place}: no such run directory, nor a folder of them')
        if place.is_file():
            found.setdefault(os.path.realpath(place), place)
            continue
        for folder, inner, files in os.walk(place, onerror=cannot, followlinks=True):
            if os.path.realpath(folder) in seen:  # named twice, or a link back
                inner.clear()
                continue
            seen.add(os.path.realpath(folder))
            inner[:] = sorted(name for name in inner if not name.startswith('.'))
            if NODE in files and FILE not in files and (failed := _failure(Path(folder))):
                problems.append(failed)
            if FILE in files:
                path = Path(folder) / FILE
                found.setdefault(os.path.realpath(path), path)
                inner.clear()  # parts of this run, such as the draws of few-shot, are no runs of their own
    return sorted(found.values()), problems


def _failure(folder: Path) -> Problem | None:
    """What to say of a node that was tried and failed; nothing of one that waits, runs, or is done."""
    found = state(folder, str(read_json(folder / NODE).get('key')))
    if found.word != 'failed':
        return None
    return Problem('failed', folder / LOG, f'its run failed and is in no table: {last_words(folder)}', excluded=False)


def collect(places: Iterable[str | Path], check_weights: bool = True) -> Collection:
    """Read and verify all results below the places.

    Args:
        check_weights: hash checkpoint files that still exist, each once, and leave out runs whose file has changed.
    """
    paths, problems = result_files(places)
    collection = Collection(problems=problems)
    for path in paths:
        try:
            run = Run(path.parent, read_result(path), read_json(path.parent / NODE).get('labels', {}))
        except UserError as error:
            text = str(error).removeprefix(f'{path}: ')
            kind = 'changed' if 'changed after' in text else 'unreadable'
            collection.problems.append(Problem(kind, path, text))
            continue
        collection.runs.append(run)
    checks = [_wrong_markers, _wrong_weights, _duplicates] if check_weights else [_wrong_markers, _duplicates]
    for check in checks:
        found = list(check(collection.runs))
        gone = {id(run) for run, _, _ in found}
        collection.runs = [run for run in collection.runs if id(run) not in gone]
        collection.problems += [Problem(kind, run.folder / FILE, text) for run, kind, text in found]
    collection.problems += _mixed_versions(collection.runs)
    return collection


Wrong = Iterator[tuple[Run, str, str]]
"""Runs that do not count, each with the kind of problem and a text."""


def _wrong_markers(runs: list[Run]) -> Wrong:
    """A node's marker has the hash of its result; another result in its place is not that node's."""
    for run in runs:
        marker = read_json(run.folder / DONE)
        if marker and marker.get('product') == FILE and marker.get('sha256') != sha256(run.folder / FILE):
            yield run, 'marker', f'is not the result that {DONE} was written for; give the command of the plan again'


def _wrong_weights(runs: list[Run]) -> Wrong:
    known: dict[str, str | None] = {}
    for run in runs:
        start = run.result.start
        if start.random or not start.path or not start.sha256:
            continue
        if start.path not in known:
            known[start.path] = _digest(start.path)
        digest = known[start.path]
        if digest not in (None, start.sha256):
            text = f'its checkpoint {start.path} is {digest[:12]} now and was {start.sha256[:12]} when it was measured'
            yield run, 'checkpoint', text


def _digest(path: str) -> str | None:
    """sha256 of a file; None for one that is gone, or that others keep to themselves."""
    try:
        return sha256(path)
    except (OSError, ValueError):
        return None


def _duplicates(all_runs: list[Run]) -> Wrong:
    groups: dict[tuple, list[Run]] = defaultdict(list)
    for run in all_runs:
        groups[run.identity].append(run)
    for runs in groups.values():
        runs.sort(key=lambda run: STUDY not in run.labels)  # of copies the one of a study, which has a place there too
        first, *others = runs
        if not others:
            continue
        scores = {tuple(sorted(run.result.scores.items())) for run in runs}
        if len(scores) == 1:
            for run in others:
                yield run, 'duplicate', f'the same run as {first.folder}, with equal scores; counted once'
        elif first.role == RANDOM:  # other threads or another GPU change the last digits, and gains need a control
            first = min(runs, key=lambda run: run.result.finished)
            for run in runs:
                if run is not first:
                    yield run, 'conflict', f'the same control as {first.folder}, with other scores; the older counts'
        else:
            for run in runs:
                others_of = ', '.join(str(other.folder) for other in runs if other is not run)
                text = f'the same checkpoint, protocol and seed as {others_of}, with other scores; none is counted'
                yield run, 'conflict', text


def _mixed_versions(runs: list[Run]) -> Iterator[Problem]:
    versions: dict[str, dict[int, Run]] = defaultdict(dict)
    for run in runs:
        versions[run.result.protocol.id].setdefault(run.result.protocol.version, run)
    for name, found in versions.items():
        if len(found) > 1:
            text = f'protocol {name} is here in versions {", ".join(map(str, sorted(found)))}; they share no column'
            old = found[min(found)]
            yield Problem('versions', old.folder / FILE, text, excluded=False)

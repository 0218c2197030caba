"""From checkpoints, a suite and seeds to a graph of nodes, the random controls among them."""

import copy
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any

from benchmark.drawn import Place
from benchmark.nodes import Node
from benchmark.store import RANDOM, SUPERVISED, checkpoint_name, network_of
from benchmark.suites import Entry, Kind, Suite
from pretrain.errors import ConfigError, UserError
from pretrain.files import cache_folder, json_hash
from pretrain.overrides import apply_overrides, override_words
from pretrain.record import FILE


@dataclass(frozen=True)
class Weights:
    """What a transfer starts from, there already or made by a node of the plan.

    Args:
        name: for tables and folders; those that differ in the seed of pre-training alone share it.
        path: of the checkpoint file.
        kind: of input that it takes.
        identity: the file's sha256, or the key of the node that makes it.
        network: equal for weights of one network; they share their random controls.
        needs: key of the node that makes it.
        labels: what it is in its study.
    """

    name: str
    path: Path
    kind: Kind
    identity: str
    network: str
    needs: tuple[str, ...] = ()
    labels: dict[str, Any] = field(default_factory=dict)


def existing_weights(paths: Sequence[str]) -> list[Weights]:
    """The weights of checkpoint files of any known format. Raises CheckpointError for one that cannot be read."""
    from pretrain.checkpoint.load import open_checkpoint

    for path in paths:
        if not Path(path).is_file():
            what = 'a folder; name the file in it' if Path(path).is_dir() else 'no such file'
            raise UserError(f'--checkpoint {path}: {what}')
    names = Counter(checkpoint_name(path) for path in paths)
    found: list[Weights] = []
    for path in paths:
        opened = open_checkpoint(path)
        name = checkpoint_name(path)
        if names[name] > 1:
            name = f'{name}-{opened.sha256[:6]}'
        found.append(
            Weights(name, Path(path).resolve(), kind_of(opened.card.patch), opened.sha256, network_of(opened.card))
        )
    return found


def supervised_weights(paths: Sequence[str]) -> list[Weights]:
    """Weights of supervised training, as a second control of their architecture.

    Few files say what they were trained for. The caller does, and a copy whose card says so is kept in the cache, for
    a control is known by its card. Raises UserError for a file of another initial stage.
    """
    from pretrain.checkpoint import exchange
    from pretrain.checkpoint.load import open_checkpoint

    kept: list[str] = []
    for path in paths:
        if not Path(path).is_file():
            raise UserError(f'--supervised {path}: no such file')
        opened = open_checkpoint(path)
        stage = opened.card.initial_stage
        if stage == 'unknown':
            labelled = cache_folder(SUPERVISED) / opened.sha256[:16] / f'{checkpoint_name(path)}.safetensors'
            labelled.parent.mkdir(parents=True, exist_ok=True)
            exchange.write(labelled, opened.state, opened.card.model_copy(update={'initial_stage': SUPERVISED}))
            path = str(labelled)
        elif stage != SUPERVISED:
            raise UserError(f'--supervised {path}: its initial stage is {stage!r}; give it to --checkpoint')
        kept.append(path)
    return existing_weights(kept)


def kind_of(patch: Sequence[int]) -> Kind:
    """The input of a network with such patches; of three axes, those that are cubes belong to volumes."""
    if len(patch) == 3:
        return 'volume' if len(set(patch)) == 1 else 'clip'
    return 'image' if patch else 'points'


def transfers(
    weights: Iterable[Weights], suite: Suite, places: dict[str, Place], seeds: int, out: Path, processes: int = 1
) -> Iterator[Node]:
    """The nodes of all weights that an entry takes, each with its controls; controls of one network come once.

    A control copies the network of the first weights that are there already, else of the first: given again, a command
    is not held up by a pre-training that failed.

    Args:
        places: data sets that the command line named.
        seeds: 0 to seeds - 1.
        processes: that torchrun starts for each node.

    Raises ConfigError for options that do not fit the config of their entry.
    """
    controls: set[tuple[str, str, int]] = set()
    found = list(weights)
    examples = {one.network: one for one in reversed(found)}
    examples.update({one.network: one for one in reversed(found) if one.path.exists()})
    for entry in suite.entries:
        if any(one.kind in entry.takes for one in found):
            checked(entry.path, entry.options)  # a misspelt key must not wait for the end of pre-training
    for one in found:
        for entry in suite.entries:
            if one.kind not in entry.takes:
                continue
            place = suite.place(entry.data, places)
            for seed in range(seeds) if 'seed' not in one.labels else [one.labels['seed']]:
                if (entry.name, one.network, seed) not in controls:
                    controls.add((entry.name, one.network, seed))
                    yield _transfer(examples[one.network], entry, place, seed, out, processes, control=True)
                yield _transfer(one, entry, place, seed, out, processes, control=False)


def _transfer(one: Weights, entry: Entry, place: Place, seed: int, out: Path, processes: int, control: bool) -> Node:
    checkpoint = [RANDOM, '--like', str(one.path)] if control else [str(one.path)]
    words = ['transfer', str(entry.path), '--checkpoint', *checkpoint, '--seed', str(seed)]
    words += ['--data', place.train] if place.train else []
    words += ['--val', place.val] if place.val else []
    words += ['--cfg-options', *override_words(entry.options)] if entry.options else []
    start = [RANDOM, one.network] if control else [one.identity]
    labels = {'entry': entry.name, 'seed': seed}
    if not control:
        labels = {'checkpoint': one.name, **one.labels, **labels}
    return Node(
        kind='transfer',
        title=slug(f'{entry.name}-{RANDOM if control else one.name}-s{seed}'),
        identity=[config_hash(entry.path), entry.options, place.train, place.val, start, seed],
        words=tuple(words),
        product=FILE,
        out=out,
        needs=one.needs,
        processes=processes,
        labels={**labels, 'control': True} if control else labels,
        cost_class=json_hash([config_hash(entry.path), entry.options, place.train, one.network]),
    )


@cache
def config_hash(path: Path) -> str:
    """Hash of a config with its bases, as it is now. Raises ConfigError for one that cannot be read."""
    from pretrain.engine.launch import hash_recipe

    return hash_recipe(loaded(path))


@cache
def loaded(path: Path):
    """A config, read once; not to be changed."""
    from pretrain.engine.launch import load_config

    return load_config(path)


def checked(path: Path, options: dict[str, Any]) -> Any:
    """A config with options, every key of which is known. ConfigError for one that is not, or that does not fit."""
    from mmengine.registry import DefaultScope

    from pretrain.engine.lint import check_keys
    from pretrain.registry import register_all

    cfg = copy.deepcopy(loaded(path))
    sections = [name for name, value in cfg.items() if isinstance(value, Mapping)]
    try:
        apply_overrides(cfg, options)
        if replaced := [name for name in sections if not isinstance(cfg[name], (Mapping, NoneType))]:
            raise TypeError(f'{replaced[0]} is a section with keys of its own')
        register_all()
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):  # names of MMDetection are its own
            check_keys(cfg)
    except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise ConfigError(f'{path.name}: the options {options} do not fit: {error}') from error
    return cfg


def slug(text: str) -> str:
    """Text as a folder name."""
    return re.sub(r'[^A-Za-z0-9.=+-]+', '-', text).strip('-')[:80]

"""Ablation studies: what is changed in pre-training, and which scores follow it.

A study is a YAML file (or a Python file that defines `study`, a dict of the same form):

    about: How much to hide
    pretrain: pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py
    data: images                       # name of a data set, drawn or given by --data
    options: {train_cfg.epochs: 15}    # of every pre-training, as --cfg-options
    axes:
      mask ratio: {key: model.masking.ratio, values: [0.5, 0.75, 0.9]}
    suite: mini
    entries: [knn, finetune]           # of the suite; all if left out
    seeds: 3

An axis is a key with its values; or `points`, a list of `{value: name, set: {key: value, ...}}` where one step changes
several keys; or `points` of `{value: name, config: other.py}` for methods; or `checkpoints`, epochs after which the
encoder is measured on the way.
"""

import itertools
import runpy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt, field_validator, model_validator

from benchmark.drawn import Place, check_names
from benchmark.nodes import EDITION, NOT_VARIED, STUDY, Graph, Node
from benchmark.plan import Weights, checked, config_hash, kind_of, slug, transfers
from benchmark.suites import Kind, Strict, find_config, parse, read_suite, read_yaml, repeated
from pretrain.errors import ConfigError, UserError
from pretrain.files import ENCODER, json_hash
from pretrain.overrides import join_overrides, override_words

FOLDER = Path(__file__).with_name('studies')
EXPORT = 'default_hooks.save.export_at'
NO_WEIGHTS = ('masked', 'drop_path_rate', 'init', 'checkpointing')
"""Arguments of an encoder that its random control does not share."""


class Point(Strict):
    """One step of an axis."""

    value: float | int | str
    set: dict[str, Any] = Field(default_factory=dict)
    config: str | None = None


class Axis(Strict):
    """What is varied; exactly one of its three forms."""

    key: str | None = None
    values: list[Any] | None = None
    points: list[Point] | None = None
    checkpoints: list[PositiveInt] | None = None

    @model_validator(mode='after')
    def _one_form(self) -> 'Axis':
        forms = [self.key is not None and bool(self.values), bool(self.points), bool(self.checkpoints)]
        if sum(forms) != 1 or (self.key is None) != (self.values is None):
            raise ValueError('an axis is {key, values}, or {points}, or {checkpoints}')
        if (twice := repeated(step.value for step in self.steps())) is not None:
            raise ValueError(f'two steps are called {twice!r}')
        return self

    def steps(self) -> list[Point]:
        """The axis as points."""
        if self.points:
            return self.points
        if self.checkpoints:
            return [Point(value=epoch) for epoch in sorted(self.checkpoints)]
        return [Point(value=_word(value), set={str(self.key): value}) for value in self.values or ()]


class Study(Strict):
    """See the module's docstring."""

    about: str
    pretrain: str
    data: str | None = None
    drawn: bool = Field(default=False, description='draw the data set of that name where the command line gives none')
    options: dict[str, Any] = Field(default_factory=dict)
    axes: dict[str, Axis] = Field(min_length=1)
    suite: str = Field(default='mini', description='its name, or a YAML file beside the study')
    entries: list[str] | None = None
    seeds: int = Field(default=3, ge=1)

    @field_validator('axes')
    @classmethod
    def _free_names(cls, axes: dict[str, Axis]) -> dict[str, Axis]:
        for name in axes:
            if name in NOT_VARIED:
                raise ValueError(f'an axis cannot be called {name!r}: that is a label of every run')
        keys: dict[str, str] = {}
        for name, axis in axes.items():
            for key in {key for step in axis.steps() for key in step.set}:
                if keys.setdefault(key, name) != name:
                    raise ValueError(f'the axes {keys[key]!r} and {name!r} both set {key}; let one do so')
        return axes


def study_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob('*.yaml'))


def read_study(name: str) -> Study:
    """A bundled study by its name, or a study file. UserError naming the field that is wrong."""
    path = FOLDER / f'{name}.yaml' if name in study_names() else Path(name)
    if not path.is_file() or path.suffix not in ('.yaml', '.yml', '.py'):
        raise UserError(f'no study {name!r}; there are {", ".join(study_names())}, or give a .yaml or .py file')
    if path.suffix == '.py':
        try:
            content = runpy.run_path(str(path)).get('study')
        except Exception as error:  # whatever the file does
            raise UserError(f'{path}: {type(error).__name__}: {error}') from error
        if not isinstance(content, dict):
            raise UserError(f'{path}: it must define `study`, a dict')
    else:
        content = read_yaml(path)
    study = parse(Study, content, path)
    if (path.parent / study.suite).is_file():  # a suite beside the study
        study = study.model_copy(update={'suite': str(path.parent / study.suite)})
    if sum(bool(axis.checkpoints) for axis in study.axes.values()) > 1:
        raise UserError(f'{path}: axes: only one axis can be of checkpoints')
    return study


@dataclass(frozen=True)
class Variant:
    """One pre-training of a study, for one seed.

    Attributes:
        values: the step on every axis but that of checkpoints.
        network: equal for pre-trainings of one network: they share their random controls.
        kind: of input that the encoder takes.
    """

    config: Path
    options: dict[str, Any]
    values: dict[str, Any]
    network: str
    kind: Kind
    seed: int


def variants(study: Study) -> Iterator[Variant]:
    """All pre-trainings, in the order of the axes.

    ConfigError for a key that a config does not have, and for two steps that are one and the same pre-training.
    """
    from pretrain.engine.launch import hash_recipe

    known: dict[str, dict[str, Any]] = {}
    axes = {name: axis.steps() for name, axis in study.axes.items() if not axis.checkpoints}
    epochs = [epoch for axis in study.axes.values() for epoch in axis.checkpoints or ()]
    for steps in itertools.product(*axes.values()):
        configs = {step.config for step in steps if step.config}
        if len(configs) > 1:
            raise ConfigError(f'two axes name a config: {", ".join(sorted(configs))}; let one do so')
        config = find_config(configs.pop() if configs else study.pretrain)
        exports = {EXPORT: sorted(epochs)} if epochs else {}
        options = join_overrides(study.options, *(step.set for step in steps), exports)
        cfg = checked(config, options)
        _check_values(config, cfg, epochs)
        network, kind = _network(cfg), _kind(cfg)
        values = {name: step.value for name, step in zip(axes, steps)}
        same = known.setdefault(hash_recipe(cfg), values)
        if same is not values:
            raise ConfigError(f'{same} and {values} are one pre-training; let every step of an axis change something')
        for seed in range(study.seeds):
            yield Variant(config, options, values, network, kind, seed)


def make_graph(
    study: Study,
    name: str,
    out: Path,
    places: dict[str, Place],
    seeds: int | None = None,
    processes: int = 1,
    beside: Sequence[Weights] = (),
) -> Graph:
    """Every node of a study: pre-trainings, then the transfers of what they make, with their controls.

    Args:
        name: of the study; in the labels of its nodes.
        places: data sets that the command line named.
        seeds: instead of the study's.
        beside: weights of other origin that the suite measures too.

    Raises UserError for data sets that nothing asks for, and where no entry takes what the study makes.
    """
    if seeds is not None and seeds < 1:
        raise UserError(f'--seeds {seeds}: at least 1')
    study = study if seeds is None else study.model_copy(update={'seeds': seeds})
    suite = read_suite(study.suite).chosen(study.entries)
    drawn = study.drawn or suite.drawn
    asked = [entry.data for entry in suite.entries]
    check_names(places, [study.data, *asked], [*([study.data] if drawn else []), *(asked if suite.drawn else [])])
    source = suite.model_copy(update={'drawn': drawn}).place(study.data, places)
    data = source.unlabelled or source.train
    epochs = next((axis.checkpoints for axis in study.axes.values() if axis.checkpoints), None)
    axis = next((label for label, axis in study.axes.items() if axis.checkpoints), '')
    planned = list(variants(study))
    place = {STUDY: name, EDITION: _edition(study, planned, data)}
    parents: list[Node] = []
    weights: list[Weights] = []
    for variant in planned:
        node = _pretrain(variant, place, data, source, out, processes)
        parents.append(node)
        made = {f'epochs/{epoch:04d}/{ENCODER}': {axis: epoch} for epoch in epochs or ()} or {ENCODER: {}}
        for product, extra in made.items():
            labels = {**node.labels, **extra}
            steps = {**variant.values, **extra}
            title = ', '.join(f'{key}={value}' for key, value in steps.items())
            identity = json_hash([node.key, product])
            path = node.path(product).absolute()
            weights.append(Weights(title, path, variant.kind, identity, variant.network, (node.key,), labels))
    kinds = {one.kind for one in weights}
    if not any(kinds & set(entry.takes) for entry in suite.entries):
        found = ', '.join(sorted(kinds))
        raise UserError(f'no entry of suite {study.suite} takes what study {name} makes, encoders of kind {found}')
    measured = transfers([*weights, *beside], suite, places, study.seeds, out, processes)
    return Graph([*parents, *measured])


def _pretrain(
    variant: Variant, place: dict[str, Any], data: str | None, source: Place, out: Path, processes: int
) -> Node:
    words = ['pretrain', str(variant.config), '--seed', str(variant.seed), '--resume']
    words += ['--data', data] if data else []
    words += ['--card', source.card] if source.card else []
    words += ['--cfg-options', *override_words(variant.options)] if variant.options else []
    title = slug('-'.join([*(f'{key}={value}' for key, value in variant.values.items()), f's{variant.seed}']))
    return Node(
        kind='pretrain',
        title=title if variant.values else slug(f'{place[STUDY]}-s{variant.seed}'),
        identity=[config_hash(variant.config), variant.options, data, variant.seed],
        words=tuple(words),
        product=ENCODER,
        out=out,
        processes=processes,
        labels={**place, **variant.values, 'seed': variant.seed},
        cost_class=json_hash([config_hash(variant.config), variant.options, data]),
    )


def _edition(study: Study, planned: Sequence[Variant], data: str | None) -> str:
    """Short hash over all that decides the pre-trainings of a study but seeds.

    Runs of two editions in one folder are two studies. A node that both plan belongs to the later one.
    """
    said = study.model_dump(mode='json', exclude={'about', 'suite', 'entries', 'seeds'})
    return json_hash([said, sorted({config_hash(variant.config) for variant in planned}), data])[:6]


def _word(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) and not isinstance(value, bool) else str(value)


def _check_values(config: Path, cfg: Any, epochs: list[int]) -> None:
    """What is cheap to see of a pre-training before the ones planned ahead of it have run."""
    from pretrain.registry import MODELS

    length = cfg.get('train_cfg', {}).get('epochs')
    if length is not None and (not isinstance(length, int) or length < 1):
        raise ConfigError(f'{config.name}: train_cfg.epochs is {length!r}; give a whole number from 1 on')
    if masking := cfg.get('model', {}).get('masking'):
        MODELS.build(masking.to_dict())
    if epochs and (length is None or max(epochs) > length):
        raise ConfigError(f'{config.name}: checkpoints at epoch {max(epochs)}, but train_cfg.epochs is {length}')


def _network(cfg: Any) -> str:
    model = cfg.get('model', {})
    encoder = {key: value for key, value in model.get('encoder', {}).items() if key not in NO_WEIGHTS}
    return json_hash([encoder, model.get('image_size'), model.get('channels')])


def _kind(cfg: Any) -> Kind:
    """The input that the encoder of a pre-training takes."""
    from pretrain.checkpoint.nets import meta_net

    model = cfg.get('model', {})
    if 'num_points' in model:
        return 'points'
    size, encoder = model.get('image_size', 224), model.get('encoder', {})
    if isinstance(size, int) or len(size) == 2:
        return 'image'
    patch = encoder.get('patch_size') or encoder.get('arch_args', {}).get('patch_size')
    return kind_of(patch or meta_net(encoder['arch'], {}).patch_embed.patch_size)

"""What a downstream task does, whatever its domain. Read `TrainTask.run` first."""

import copy
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from pretrain.checkpoint.card import Card
from pretrain.checkpoint.initial import SOURCE, Initial, card_of
from pretrain.data.build import build_dataset
from pretrain.data.card import IMAGENET_MEAN, IMAGENET_STD
from pretrain.engine.evaluation import Metric, evaluate
from pretrain.engine.launch import launch
from pretrain.engine.loop import Preempted
from pretrain.engine.meter import Meter
from pretrain.engine.setting import Setting, TransferData, load_facts
from pretrain.engine.transfer import RANDOM, Request, protocol_of, seed_of
from pretrain.errors import ConfigError
from pretrain.record import FILE, Result
from pretrain.registry import MODELS


class TransferTask:
    """How a domain's configs are read. A domain has one subclass, and its tasks derive from that.

    Attributes:
        part: the entry of `model` that takes the weights.
    """

    part = 'encoder'

    def __init__(self) -> None:
        """Takes nothing: a misspelt argument of a config is found by what the constructors take."""

    @property
    def domain(self) -> str:
        """The top-level folder, or foreign package, that the task comes from."""
        return type(self).__module__.partition('.')[0]

    def set_data(self, cfg: Config, request: Request) -> None:
        """Write the data that the command line names (`request.data`, `val`, `card`) into a config."""
        raise NotImplementedError

    def read_data(self, cfg: Config) -> TransferData:
        """Build and check both sets, and fill in what the model takes from them, such as the number of classes.

        Raises DataError or ConfigError for all that can be known before training.
        """
        raise NotImplementedError

    def image(self, cfg: Config) -> tuple[int, int | Sequence[int]]:
        """Channels and size of the encoder's input."""
        raise NotImplementedError

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        """The part of the config that holds `mean` and `std`, and their value for a pixel at full scale."""
        raise NotImplementedError

    def fit_model(self, cfg: Config, card: Card) -> None:
        """Fill in what the model takes from the checkpoint's architecture."""

    def prepare(self, cfg: Config, request: Request, config_hash: str) -> Setting:
        """Check data and weights against the config, and fill in what depends on them.

        Raises UserError for all that can be known before training.
        """
        meter = Meter()
        raw, cfg, seed = cfg, copy.deepcopy(cfg), seed_of(cfg)
        cfg.randomness = {'seed': seed}
        data = self.read_data(cfg)
        encoder = cfg.model.setdefault(self.part, {})
        encoder.update(request.weights)
        channels, size = self.image(cfg)
        card = card_of(channels, size, **{k: v for k, v in encoder.items() if k in SOURCE})
        self.fit_model(cfg, card)
        place, scale = self.statistics(cfg)
        notes = [*data.notes, *_normalise(place, card, scale)]
        notes += _notes(raw.model.get(self.part, {}), raw, card, request)
        if self.part == 'backbone' and (note := token_decay(cfg)):
            notes.append(note)
        protocol = protocol_of(raw, data.identity)
        return Setting(cfg, request, data, card, protocol, config_hash, self.domain, seed, notes, meter)

    def check(self, cfg: Config) -> None:
        """Build the model of a config without memory and without data, and send the shape of an image through it.

        Raises ConfigError for parts that do not fit together.
        """
        cfg = copy.deepcopy(cfg)
        channels, size = self.image(cfg)
        encoder = cfg.model.get(self.part, {})
        self.fit_model(cfg, card_of(channels, size, **{k: v for k, v in encoder.items() if k in SOURCE}))
        self.fill(cfg)
        place, _ = self.statistics(cfg)
        for name in ('mean', 'std'):
            place[name] = place.get(name) or [1.0] * channels
        try:
            with torch.device('meta'):
                self.send_through(MODELS.build(cfg.model).eval(), channels, size)
        except (RuntimeError, AssertionError, TypeError, KeyError) as error:
            cause = ' '.join(str(error).split())
            raise ConfigError(f'model: its parts do not fit together: {cause}') from error

    def fill(self, cfg: Config) -> None:
        """Give values to what only data and checkpoint could say, for `check`."""

    def send_through(self, model: nn.Module, channels: int, size: int | Sequence[int]) -> None:
        """Compute all that a model predicts of one image, on the meta device."""

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        raise NotImplementedError


class TrainTask(TransferTask):
    """A task that trains through the engine.

    A run directory with checkpoints is continued where it stopped, unless `--force` begins afresh.
    """

    def initial(self, model: nn.Module) -> Initial:
        """What the model started from."""
        raise NotImplementedError

    def adapt(self, model: nn.Module) -> None:
        """Change a model that was just built where its framework falls short of what the engine does."""

    def metric(self, dataset: Any, model: nn.Module) -> Metric:
        """An empty metric for a data set."""
        raise NotImplementedError

    def pictures(self, folder: Path, dataset: Any, model: nn.Module) -> None:
        """Write predictions of a few samples of the data set into a folder, for a person to look at."""

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        setting = self.prepare(cfg, request, config_hash)
        val = setting.cfg.pop('val_dataloader')
        goes_on = not request.force or _was_preempted(request.work_dir)
        runner = launch(setting.cfg, request.work_dir, resume=goes_on, launcher=request.launcher)
        if runner.rank == 0:
            (request.work_dir / AGAIN).unlink(missing_ok=True)
            if not goes_on:
                forget(request.work_dir)
        # The evaluation is no part of the training recipe, so it joins the config after the recipe's hash is taken.
        runner.cfg.val_dataloader = val
        runner.dump_config()
        self.adapt(runner.bare_model)
        initial = self.initial(runner.bare_model)
        line, report = load_facts(initial.report)
        for text in setting.lines(line):
            runner.logger.info(text)
        try:
            runner.train()
        except Preempted:
            if runner.rank == 0 and request.force:
                (request.work_dir / AGAIN).touch()
            raise
        dataset = build_dataset(val.pop('dataset'))
        scores = evaluate(runner.bare_model, dataset, self.metric(dataset, runner.bare_model), **val)
        if runner.rank == 0:
            self.pictures(request.work_dir / 'pictures', dataset, runner.bare_model)
        facts = {
            'derived': runner.derived.to_dict(),
            'effective_batch': runner.derived.effective_batch,
            'world_size': runner.world_size,
            'cost': setting.meter.read(runner.world_size, runner.resumed_at, runner.seconds_before),
        }
        return setting.record(scores, report, initial.sha256, write=runner.rank == 0, **facts)


AGAIN = 'preempted'
"""File that a run leaves which `--force` began and a signal stopped: the same command goes on, once."""


def _was_preempted(work_dir: Path) -> bool:
    return (work_dir / AGAIN).exists()


def forget(work_dir: Path) -> None:
    """Remove what an earlier run in this directory left."""
    for folder in ('checkpoints', 'pictures'):
        shutil.rmtree(work_dir / folder, ignore_errors=True)
    for name in (FILE, 'metrics.jsonl', 'scores.jsonl', 'quarantine.jsonl'):
        (work_dir / name).unlink(missing_ok=True)


def _normalise(place: dict, card: Card, scale: float) -> list[str]:
    """Take `mean` and `std` of the checkpoint, where the config names none; notes where it names others.

    Where neither names any, colour images take ImageNet's.
    """
    notes = []
    for name, usual in (('mean', IMAGENET_MEAN), ('std', IMAGENET_STD)):
        known, value = getattr(card, name), place.get(name)
        if isinstance(value, str):
            raise ConfigError(f'{name} is {value!r}; it takes one number per channel')
        if value is None:
            if known is None and card.channels != len(usual):
                raise ConfigError(f'{name} is not set, and the checkpoint has none for its {card.channels} channels')
            place[name] = [v * scale for v in known or usual]
        elif known is None:
            continue
        elif [round(v / scale, 3) for v in value] != [round(v, 3) for v in known]:
            used = tuple(round(v / scale, 4) for v in value)
            notes.append(f'pixels are normalised with {name} {used}, pre-training used {tuple(known)}')
    return notes


def _notes(encoder: Mapping, raw: Config, card: Card, request: Request) -> list[str]:
    notes = []
    arch = encoder.get('arch')
    if request.checkpoint != RANDOM:
        if arch and arch != card.arch:
            notes.append(f'the recipe was made for {arch}, the checkpoint is a {card.arch}')
        stage = raw.protocol.init_stage
        if card.initial_stage not in (stage, 'unknown'):
            notes.append(f'the protocol is for initial stage {stage!r}, the checkpoint is {card.initial_stage!r}')
    return notes


def token_decay(cfg: Mapping) -> str | None:
    """The note on how positions and class token of a backbone decay; None where nothing is unusual.

    The layer-decay constructors of the BEiT family (unilm, iBOT, CAE, MMSegmentation) mean to spare them, but compare
    names that begin with `backbone.` with names that do not, so in published runs they decay.
    """
    wrapper = cfg['optim_wrapper']
    decay, rules = wrapper['optimizer'].get('weight_decay', 0.0), wrapper.get('paramwise_cfg', {})
    no_decay = rules.get('no_decay', ['1d'])
    if not decay or not rules.get('layer_decay') or any(pattern.endswith('pos_embed') for pattern in no_decay):
        return None
    if 'tokens' in no_decay:
        return 'weight decay of positions and class token: fixed, 0'
    return f'weight decay of positions and class token: as published, {decay:g}'

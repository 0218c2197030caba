"""From a config and a request to a setting in which nothing is left open; shared by all tasks of this folder."""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from classification.data import LabelledData, labelled_data
from classification.metrics import Scores
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.initial import card_of
from pretrain.engine.record import Meter, Protocol, Result, Start, stamp, write_result
from pretrain.engine.transfer import RANDOM, Request, protocol_of, seed_of
from pretrain.errors import ConfigError


@dataclass
class Setting:
    """A checked config.

    Attributes:
        cfg: a copy with classes, seed, weights and normalisation filled in.
        notes: what a reader of the score should know; printed and recorded.
    """

    cfg: Config
    request: Request
    data: LabelledData
    card: Card
    protocol: Protocol
    config_hash: str
    seed: int
    notes: list[str] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)

    def lines(self, load_line: str) -> list[str]:
        """What is printed before the first iteration."""
        recipe = self.cfg.get('recipe', {})
        published = ', '.join(f'{k} {v:g}' for k, v in recipe.get('published', {}).items())
        source = f' ({recipe["source"]})' if recipe.get('source') else ''
        start = self.request.checkpoint if self.request.checkpoint != RANDOM else 'random weights'
        return [
            f'{self.card.arch} from {start}: {load_line}',
            f'{self.data}',
            f'protocol {self.protocol.id} version {self.protocol.version}, {self.protocol.metric}; published: '
            + (f'{published}{source}' if published else 'nothing comparable'),
            *(f'note: {note}' for note in self.notes),
        ]

    def record(
        self, scores: Scores, load_report: dict | None, sha256: str | None, write: bool = True, **facts
    ) -> Result:
        """The result; `write` it where this is the process that writes.

        Args:
            sha256: of the checkpoint; None for random weights.
            facts: further fields of the record: `derived`, `world_size`, `cost`.
        """
        result = Result(
            protocol=self.protocol,
            scores=scores.overall,
            per_class=scores.per_class,
            num_samples=self.data.counts(),
            seed=self.seed,
            start=Start(
                random=self.request.checkpoint == RANDOM,
                path=None if self.request.checkpoint == RANDOM else self.request.checkpoint,
                sha256=sha256,
                card=self.card,
                like=self.request.like,
            ),
            load_report=load_report,
            config=Path(self.cfg.filename).name,
            config_hash=self.config_hash,
            recipe=dict(self.cfg.get('recipe', {})),
            data=self.data.identity,
            command=self.request.command,
            notes=self.notes,
            **{'cost': self.meter.read(), **facts, **stamp()},
        )
        if write:
            write_result(self.request.work_dir, result)
        return result


def prepare(cfg: Config, request: Request, config_hash: str) -> Setting:
    """Check data and weights against the config, and fill in what depends on them.

    Raises UserError for all that can be known before training.
    """
    meter = Meter()
    raw, cfg, seed = cfg, copy.deepcopy(cfg), seed_of(cfg)
    cfg.randomness = {'seed': seed}
    cfg.train_dataloader.dataset.seed = seed
    data = labelled_data(cfg)
    cfg.model.num_classes = data.num_classes
    encoder = cfg.model.setdefault('encoder', {})
    encoder.update(request.weights)
    described = {k: v for k, v in encoder.items() if k not in WEIGHT_FREE}
    size = cfg.model.get('image_size', 224)
    card = card_of(cfg.model.get('channels', 3), size, **described)
    notes = [*_normalise(cfg, card), *_notes(raw, card, request)]
    protocol = protocol_of(raw, data.identity)
    return Setting(cfg, request, data, card, protocol, config_hash, seed, notes, meter)


WEIGHT_FREE = ('drop_path_rate',)
"""Arguments of the encoder that its card does not know."""


def _normalise(cfg: Config, card: Card) -> list[str]:
    """Take `mean` and `std` of the checkpoint, where the config names none; notes where it names others."""
    model, notes = cfg.model, []
    for name in ('mean', 'std'):
        known, value = getattr(card, name), model.get(name)
        if value is None and known is not None:
            model[name] = list(known)
        elif isinstance(value, str):
            raise ConfigError(f'model.{name} is {value!r}; it takes one number per channel')
        elif known is not None and value is not None and [round(v, 3) for v in value] != [round(v, 3) for v in known]:
            notes.append(f'pixels are normalised with {name} {tuple(value)}, pre-training used {tuple(known)}')
    return notes


def _notes(raw: Config, card: Card, request: Request) -> list[str]:
    notes = []
    arch = raw.model.get('encoder', {}).get('arch')
    if request.checkpoint != RANDOM:
        if arch and arch != card.arch:
            notes.append(f'the recipe was made for {arch}, the checkpoint is a {card.arch}')
        stage = raw.protocol.init_stage
        if card.initial_stage not in (stage, 'unknown'):
            notes.append(f'the protocol is for initial stage {stage!r}, the checkpoint is {card.initial_stage!r}')
    return notes


def load_facts(report: Any) -> tuple[str, dict | None]:
    """The line to print and the dict to record of a LoadReport, or of None for random weights."""
    if report is None:
        return 'random initialisation, nothing loaded', None
    return report.line(), report.to_dict()

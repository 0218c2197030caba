"""From a config and a request to a setting in which nothing is left open; the same for every domain."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mmengine.config import Config

from pretrain.checkpoint.card import Card
from pretrain.engine.meter import Meter, stamp
from pretrain.engine.transfer import RANDOM, Request
from pretrain.record import Protocol as ScoreProtocol
from pretrain.record import Result, Scores, Start, write_result


class TransferData(Protocol):
    """The data of a transfer, built and checked; `str()` says in one line what it is.

    Attributes:
        notes: what may be a mistake, or was left out.
    """

    notes: Sequence[str]

    @property
    def identity(self) -> dict[str, Any]:
        """Counts and hashes: what the protocol says about the data, wherever it lies."""

    def counts(self) -> dict[str, int]:
        """Samples of each part."""


@dataclass
class Setting:
    """A checked config.

    Attributes:
        cfg: a copy with classes, seed, weights and normalisation filled in.
        notes: what a reader of the score should know; printed and recorded.
    """

    cfg: Config
    request: Request
    data: Any
    card: Card
    protocol: ScoreProtocol
    config_hash: str
    domain: str
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
            domain=self.domain,
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


def load_facts(report: Any) -> tuple[str, dict | None]:
    """The line to print and the dict to record of a LoadReport, or of None for random weights."""
    if report is None:
        return 'random initialisation, nothing loaded', None
    return report.line(), report.to_dict()

"""The record of a finished transfer: `result.json`, written last and atomically."""

import datetime
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from pretrain.checkpoint.card import Card
from pretrain.engine.provenance import environment
from pretrain.errors import UserError
from pretrain.files import atomic

SCHEMA_VERSION = 1
FILE = 'result.json'


class Strict(BaseModel):
    """A field that nobody knows is an error, when writing and when reading."""

    model_config = ConfigDict(extra='forbid')


class Protocol(Strict):
    """What a score means. Scores may share a column only when `id`, `version` and `hash` are equal."""

    id: str
    version: int = Field(description='raised with every change of the recipe that can change a score')
    metric: str = Field(description='the key of `scores` that stands for the run')
    higher_is_better: bool
    init_stage: str = Field(description='the initial stage that the recipe was published for')
    hash: str = Field(description='sha256 over everything that changes a score; seed, checkpoint and paths left out')


class Start(Strict):
    """The weights that a run began with; all None for random ones, but for `like`."""

    random: bool
    path: str | None = None
    sha256: str | None = None
    card: Card | None = Field(default=None, description='of the checkpoint, or of the network that a control copies')
    like: str | None = Field(default=None, description='the checkpoint whose architecture a random control has')


class Cost(Strict):
    """What a run took. After a resume, the time of the last process only; `resumed_at` says from which update."""

    wall_seconds: FiniteFloat
    gpu_seconds: FiniteFloat = Field(description='wall time x processes; 0 without a GPU')
    peak_memory_mb: FiniteFloat = Field(description='resident memory of this process at its highest')
    peak_gpu_memory_mb: FiniteFloat
    resumed_at: int = 0


class Result(Strict):
    """Everything that a table cell needs to be traced back."""

    schema_version: Literal[1] = 1
    status: Literal['done'] = 'done'
    protocol: Protocol
    scores: dict[str, FiniteFloat]
    per_class: dict[str, dict[str, FiniteFloat]] = Field(default_factory=dict, description='metric: {class: score}')
    num_samples: dict[str, int] = Field(description="of each part: {'train': 10000, 'val': 2500}")
    seed: int
    start: Start
    load_report: dict[str, Any] | None = Field(description='LoadReport.to_dict(); None for random weights')
    config: str = Field(description='name of the config file, without folders')
    config_hash: str
    recipe: dict[str, Any] = Field(
        default_factory=dict, description="the config's facts, the published score among them"
    )
    data: dict[str, Any] = Field(default_factory=dict, description='identity of the data: counts and hashes of names')
    derived: dict[str, Any] = Field(default_factory=dict, description='batch, accumulation, learning rate')
    effective_batch: int | None = None
    world_size: int = 1
    environment: dict[str, Any] = Field(description='code version, library versions, hardware')
    command: str
    finished: str = Field(description='UTC, ISO 8601')
    cost: Cost
    notes: list[str] = Field(default_factory=list)

    @property
    def score(self) -> float:
        """The score that the protocol names."""
        return self.scores[self.protocol.metric]


@dataclass
class Scores:
    """What a metric gives: shares in [0, 1] unless it says otherwise, and `per_class` as {metric: {class: score}}."""

    overall: dict[str, float]
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)
    num_samples: int = 0


class Meter:
    """Measures a run, from its construction on."""

    def __init__(self):
        self.start = time.perf_counter()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

    def read(self, world_size: int = 1, resumed_at: int = 0) -> Cost:
        seconds = time.perf_counter() - self.start
        on_gpu = torch.cuda.is_available()
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Cost(
            wall_seconds=seconds,
            gpu_seconds=seconds * world_size if on_gpu else 0.0,
            peak_memory_mb=resident / (1 << 20 if sys.platform == 'darwin' else 1 << 10),
            peak_gpu_memory_mb=torch.cuda.max_memory_allocated() / (1 << 20) if on_gpu else 0.0,
            resumed_at=resumed_at,
        )


def stamp() -> dict[str, Any]:
    """The fields that do not depend on the task: environment and time."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')
    return {'environment': environment(), 'finished': now}


def write_result(folder: Path, result: Result) -> Path:
    """Write `folder/result.json` atomically. Raises ValueError when the protocol's metric is not
    among the scores.
    """
    if result.protocol.metric not in result.scores:
        raise ValueError(f'no score {result.protocol.metric!r} among {sorted(result.scores)}')
    text = json.dumps(result.model_dump(mode='json'), indent=1, allow_nan=False) + '\n'
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / FILE
    with atomic(final) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return final


def read_result(path: str | Path) -> Result:
    """The result of a run directory, or of a result file. Raises UserError when there is none or it is malformed."""
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    try:
        return Result.model_validate_json(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise UserError(f'{path}: no result; the run is not finished') from error
    except ValidationError as error:
        first = error.errors()[0]
        place = '.'.join(map(str, first['loc']))
        raise UserError(f'{path}: not a result of schema {SCHEMA_VERSION}: {place}: {first["msg"]}') from error

"""The record of a finished transfer: `result.json`, written last and atomically.

The file is the commit marker of its run directory: without it, or with one that does not match its own digest, there is
no result. Nothing heavy is imported here, for reports read thousands of them.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from pretrain.checkpoint.card import Card
from pretrain.errors import UserError
from pretrain.files import atomic, json_hash

SCHEMA_VERSION = 1
FILE = 'result.json'
DIGEST = 'digest'
"""Key of the sha256 over all the rest; it finds an edit by hand, not a forgery."""

PROTOCOL_KEYS = ('id', 'version', 'metric', 'higher_is_better', 'init_stage')
"""What a transfer config says of its protocol; the hashes are computed."""


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
    recipe: str = Field(description='sha256 over the config alone: all that changes a score, but for the data')
    hash: str = Field(description='sha256 over config and data; seed, checkpoint and paths left out')


class Start(Strict):
    """The weights that a run began with; all None for random ones, but for `like`."""

    random: bool
    path: str | None = None
    sha256: str | None = None
    card: Card | None = Field(default=None, description='of the checkpoint, or of the network that a control copies')
    like: str | None = Field(default=None, description='the checkpoint whose architecture a random control has')


class Cost(Strict):
    """What a run took, with the time of earlier processes up to the checkpoint at which it went on."""

    wall_seconds: FiniteFloat = Field(description='0 where a log that was imported does not say')
    gpu_seconds: FiniteFloat = Field(description='wall time x processes of the last start; 0 without a GPU')
    peak_memory_mb: FiniteFloat = Field(description='resident memory of this process at its highest')
    peak_gpu_memory_mb: FiniteFloat
    resumed_at: int = Field(default=0, description='the update from which the last process went on; peaks are its own')


class Imported(Strict):
    """Where a score came from that was not computed here, and so is not verified."""

    format: Literal['tensorboard', 'wandb', 'mmengine']
    file: str
    sha256: str = Field(description='of the log file')
    tag: str = Field(description='name of the score in the log')
    step: int | None = Field(default=None, description='at which it was read; None where the log does not say')
    chosen: Literal['last', 'best'] = Field(description='best: of several validations, so it is chosen on this data')


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
    domain: str = Field(description='the folder whose task was run, such as classification')
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
    imported: Imported | None = None

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


def write_result(folder: Path, result: Result) -> Path:
    """Write `folder/result.json` atomically, with its digest.

    Raises ValueError when the protocol's metric is not among the scores.
    """
    if result.protocol.metric not in result.scores:
        raise ValueError(f'no score {result.protocol.metric!r} among {sorted(result.scores)}')
    content = result.model_dump(mode='json')
    text = json.dumps({**content, DIGEST: json_hash(content)}, indent=1, allow_nan=False) + '\n'
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / FILE
    with atomic(final) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return final


def read_result(path: str | Path) -> Result:
    """The result of a run directory, or of a result file. Raises UserError when there is none, or it is malformed or
    was changed after it was written.
    """
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    try:
        content = dict(json.loads(path.read_bytes()))
        digest = content.pop(DIGEST, None)
        result = Result.model_validate(content)
    except FileNotFoundError as error:
        raise UserError(f'{path}: no result; the run is not finished') from error
    except ValidationError as error:
        first = error.errors()[0]
        place = '.'.join(map(str, first['loc']))
        raise UserError(f'{path}: not a result of schema {SCHEMA_VERSION}: {place}: {first["msg"]}') from error
    except OSError as error:
        raise UserError(f'{path}: cannot be read: {error.strerror}') from error
    except (ValueError, TypeError) as error:  # no JSON, or no object
        raise UserError(f'{path}: not a result: {error}') from error
    if digest != json_hash(content):
        raise UserError(f'{path}: changed after it was written: its digest does not match; run it again (--force)')
    return result

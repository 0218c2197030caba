"""Scores of runs done elsewhere, from their logs: TensorBoard event files, W&B run folders, MMEngine's scalars.json.

Nothing about such a score can be verified here, so it is marked as imported and its protocol never equals that of a run
that mimbench made: it gets a column of its own.
"""

import datetime
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pretrain.errors import UserError
from pretrain.files import json_hash, sha256
from pretrain.record import Cost, Imported, Protocol, Result, Start

Format = Literal['tensorboard', 'wandb', 'mmengine']
SUMMARY = 'wandb-summary.json'
SCALARS = 'scalars.json'


@dataclass(frozen=True)
class Value:
    """One score of a log. `seconds` since the log began; None where it does not say."""

    value: float
    step: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Log:
    """A log that was understood.

    Attributes:
        series: values of each tag, in the order of steps.
    """

    format: Format
    file: Path
    series: dict[str, list[Value]]


def read_log(path: Path) -> Log:
    """Read an event file, `wandb-summary.json`, `scalars.json`, or the newest of them below a folder.

    Raises UserError naming what is understood.
    """
    if not path.exists():
        raise UserError(f'{path}: no such log')
    file = path if path.is_file() else _newest(path)
    if file.name == SUMMARY:
        return Log('wandb', file, _summary(file))
    if 'tfevents' in file.name:
        return Log('tensorboard', file, _events(file))
    if file.suffix == '.json':
        return Log('mmengine', file, _scalars(file))
    raise UserError(f'{file}: understood are TensorBoard event files (*tfevents*), {SUMMARY} and {SCALARS} of MMEngine')


def choose(log: Log, tag: str, chosen: Literal['last', 'best'], higher_is_better: bool = True) -> Value:
    """The last or best value of a tag. UserError naming the tags there are."""
    if tag not in log.series:
        there = ', '.join(sorted(log.series)[:20])
        raise UserError(f'{log.file}: no score {tag!r}; there are {there or "none"}')
    values = [value for value in log.series[tag] if math.isfinite(value.value)]
    if not values:
        raise UserError(f'{log.file}: {tag!r} has no finite value')
    if chosen == 'last':
        return values[-1]
    return (max if higher_is_better else min)(values, key=lambda value: value.value)


def imported_result(
    log: Log,
    tag: str,
    checkpoint: str,
    protocol: str,
    metric: str,
    seed: int = 0,
    scale: float = 1.0,
    chosen: Literal['last', 'best'] = 'last',
    higher_is_better: bool = True,
    domain: str = 'imported',
    init_stage: str = 'unknown',
    command: str = '',
) -> Result:
    """A result made of one score of a log.

    Args:
        tag: name of the score in the log.
        checkpoint: what was measured, for tables.
        protocol: id of the protocol that the run followed, as far as its owner knows.
        scale: factor of the value; 0.01 turns percent into shares.

    Raises UserError for a value out of [0, 1] unless the metric is one that is no share.
    """
    found = choose(log, tag, chosen, higher_is_better)
    value = found.value * scale
    if higher_is_better and not -1e-9 <= value <= 1 + 1e-9:
        raise UserError(f'{tag} is {value:g}; scores are shares in [0, 1]: give --scale 0.01 for percent')
    seconds = found.seconds or 0.0
    notes = ['imported: neither weights nor protocol were checked here']
    if chosen == 'best':
        notes.append('the best of several validations, so chosen on the validation data')
    identity = {'imported': protocol, 'metric': metric}
    return Result(
        protocol=Protocol(
            id=protocol,
            version=0,
            metric=metric,
            higher_is_better=higher_is_better,
            init_stage=init_stage,
            recipe=json_hash(identity),
            hash=json_hash({**identity, 'data': 'unknown'}),
        ),
        scores={metric: value},
        num_samples={},
        seed=seed,
        start=Start(random=False, path=checkpoint),
        load_report=None,
        domain=domain,
        config=log.file.name,
        config_hash='',
        environment={'log': log.format},
        command=command,
        finished=_modified(log.file),
        cost=Cost(wall_seconds=seconds, gpu_seconds=0.0, peak_memory_mb=0.0, peak_gpu_memory_mb=0.0),
        notes=notes,
        imported=Imported(
            format=log.format, file=str(log.file), sha256=sha256(log.file), tag=tag, step=found.step, chosen=chosen
        ),
    )


def _newest(folder: Path) -> Path:
    found = [path for pattern in ('*tfevents*', SUMMARY, SCALARS) for path in folder.rglob(pattern) if path.is_file()]
    if not found:
        raise UserError(f'{folder}: no log below it; understood are *tfevents*, {SUMMARY} and {SCALARS}')
    return max(found, key=lambda path: (path.stat().st_mtime, str(path)))


def _summary(file: Path) -> dict[str, list[Value]]:
    content = _json(file.read_text(), file)
    step, seconds = content.get('_step'), content.get('_runtime')
    found: dict[str, list[Value]] = {}

    def walk(values: dict, prefix: str) -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                walk(value, f'{prefix}{name}.')
            elif isinstance(value, (int, float)) and not isinstance(value, bool) and not name.startswith('_'):
                found[prefix + name] = [Value(float(value), step, seconds)]

    walk(content, '')
    return found


def _scalars(file: Path) -> dict[str, list[Value]]:
    """MMEngine writes one JSON object a line, validation scores with the step of the last training line."""
    found: dict[str, list[Value]] = {}
    for line in file.read_text().splitlines():
        if not line.strip():
            continue
        content = _json(line, file)
        for name, value in content.items():
            if name != 'step' and isinstance(value, (int, float)) and not isinstance(value, bool):
                found.setdefault(name, []).append(Value(float(value), content.get('step')))
    return found


def _json(text: str, file: Path) -> dict:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UserError(f'{file}: not JSON: {error}') from error
    if not isinstance(content, dict):
        raise UserError(f'{file}: no JSON object')
    return content


def _events(file: Path) -> dict[str, list[Value]]:
    from tensorboard.backend.event_processing.event_accumulator import SCALARS as KIND
    from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
    from tensorboard.util import tensor_util

    events = EventAccumulator(str(file), size_guidance={KIND: 0, TENSORS: 0})
    events.Reload()
    found: dict[str, list[Value]] = {}
    begin = events.FirstEventTimestamp() if events.Tags()['scalars'] or events.Tags()['tensors'] else 0.0
    for tag in events.Tags()['scalars']:
        found[tag] = [Value(e.value, e.step, e.wall_time - begin) for e in events.Scalars(tag)]
    for tag in events.Tags()['tensors']:  # what TensorFlow 2 writes
        arrays = [(e, tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
        numbers = [(e, a) for e, a in arrays if a.size == 1 and a.dtype.kind in 'fiu']
        if numbers:
            found[tag] = [Value(float(a.reshape(-1)[0]), e.step, e.wall_time - begin) for e, a in numbers]
    return found


def _modified(file: Path) -> str:
    when = datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.timezone.utc)
    return when.isoformat(timespec='seconds')

"""Scores of runs done elsewhere, from their logs: TensorBoard event files, W&B run folders, MMEngine's scalars.json.

Nothing about such a score can be verified here, so it is marked as imported and its protocol never equals that of a run
that mimbench made: it gets a column of its own.
"""

import datetime
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.report.numbers import is_share
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

    Raises UserError naming what is understood, and for a log that is damaged or holds no score.
    """
    if not path.exists():
        raise UserError(f'{path}: no such log')
    file = path if path.is_file() else _newest(path)
    if file.name == SUMMARY:
        log = Log('wandb', file, _summary(file))
    elif 'tfevents' in file.name:
        log = Log('tensorboard', file, _events(file))
    elif file.suffix == '.json':
        log = Log('mmengine', file, _scalars(file))
    else:
        known = f'TensorBoard event files (*tfevents*), {SUMMARY} and {SCALARS} of MMEngine'
        raise UserError(f'{file}: understood are {known}')
    if not log.series:
        raise UserError(f'{file}: no score found in it; it is empty or damaged, name another log')
    return log


def choose(log: Log, tag: str, chosen: Literal['last', 'best'], higher_is_better: bool = True) -> Value:
    """The last or best value of a tag. UserError naming the tags there are."""
    if tag not in log.series:
        there = ', '.join(sorted(log.series)[:20])
        raise UserError(f'{log.file}: no score {tag!r}; there are {there}')
    values = [value for value in log.series[tag] if math.isfinite(value.value)]
    if not values:
        raise UserError(f'{log.file}: {tag!r} has no finite value')
    if chosen == 'last':
        if values[-1] is not (last := log.series[tag][-1]):
            raise UserError(f'{log.file}: the last {tag!r} is {last.value}; the run diverged, or take --choose best')
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

    Raises UserError for a value out of [0, 1] where the metric is known as a share, such as top1; for PSNR any will do.
    """
    if seed < 0:
        raise UserError(f'--seed {seed}: at least 0')
    found = choose(log, tag, chosen, higher_is_better)
    value = found.value * scale
    if not math.isfinite(value):
        raise UserError(f'{tag} is {found.value:g}, times --scale {scale:g} is no finite number; give another factor')
    if is_share(re.split('[./]', metric)[-1]) and not -1e-9 <= value <= 1 + 1e-9:
        raise UserError(f'{tag} is {value:g}; {metric} is a share in [0, 1]: give --scale 0.01 for percent')
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
    content = _json(_text(file), file)
    step, runtime = _step(content, '_step', file), content.get('_runtime')
    seconds = _number(runtime)
    if runtime is not None and (seconds is None or not math.isfinite(seconds)):
        raise UserError(f'{file}: _runtime is {runtime!r}, not a number of seconds; mend or remove it')
    found: dict[str, list[Value]] = {}

    def walk(values: dict, prefix: str) -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                walk(value, f'{prefix}{name}.')
            elif (number := _number(value)) is not None and not name.startswith('_'):
                found[prefix + name] = [Value(number, step, seconds)]

    walk(content, '')
    return found


def _scalars(file: Path) -> dict[str, list[Value]]:
    """MMEngine writes one JSON object a line, validation scores with the step of the last training line."""
    found: dict[str, list[Value]] = {}
    for line in _text(file).splitlines():
        if not line.strip():
            continue
        content = _json(line, file)
        step = _step(content, 'step', file)
        for name, value in content.items():
            if name != 'step' and (number := _number(value)) is not None:
                found.setdefault(name, []).append(Value(number, step))
    return found


def _number(value: Any) -> float | None:
    """A number of JSON; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:  # of an int, which JSON does not bound
        return math.inf


def _step(content: dict, key: str, file: Path) -> int | None:
    step = content.get(key)
    if step is None or (isinstance(step, int) and not isinstance(step, bool)):
        return step
    raise UserError(f'{file}: {key} is {step!r}, not a whole number; mend or remove it')


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding='utf-8')
    except UnicodeDecodeError as error:
        raise UserError(f'{file}: not UTF-8, so no log that is understood: {error.reason}') from error


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

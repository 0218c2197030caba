"""What every transfer has in common, whatever its domain: the request, the protocol's hash, and not running twice."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from pretrain.data.build import shared_datasets
from pretrain.engine.launch import NOT_RECIPE, hash_recipe
from pretrain.engine.lint import check_keys
from pretrain.errors import CheckpointError, ConfigError, UserError
from pretrain.files import json_hash, sha256
from pretrain.occupancy import LINGER_SECONDS, occupy
from pretrain.record import FILE, PROTOCOL_KEYS, Protocol, Result, read_result
from pretrain.registry import build_task, register_all

RANDOM = 'random'
NOT_PROTOCOL = (
    *('source', 'data_root', 'ann_file', 'data_prefix'),
    *('seed', 'num_workers', 'prefetch_factor', 'batch_size', 'start_method', 'pin_memory'),
)
"""Arguments of a data loader and its data set that do not belong to the protocol; the data's identity does."""
WEIGHTS = ('checkpoint', 'like', 'allow_missing', 'arch', 'arch_args', 'position')
"""Arguments of the encoder or backbone that say what is measured, and so belong to no protocol."""


@dataclass(frozen=True)
class Request:
    """What the command line asks of a task.

    Attributes:
        checkpoint: a file, or 'random' for the control.
        work_dir: the run directory.
        data, val: training and validation data instead of the config's; what they may be is for the domain to say.
        card: what `mimbench card` measured of the images.
        like: for the control, the checkpoint whose architecture it takes; None takes that of the config.
        allow_missing: patterns of tensors that the checkpoint may lack.
        force: forget an earlier run in the same directory.
        launcher: as mmengine's; None finds it from the environment.
        command: the command line, for the record.
    """

    checkpoint: str
    work_dir: Path
    data: str | None = None
    val: str | None = None
    card: str | None = None
    like: str | None = None
    allow_missing: tuple[str, ...] = ()
    force: bool = False
    launcher: str | None = None
    command: str = ''

    @property
    def weights(self) -> dict[str, Any]:
        """Arguments for the encoder or backbone."""
        if self.checkpoint == RANDOM:
            return {'like': self.like} if self.like else {}
        return {'checkpoint': self.checkpoint, 'allow_missing': list(self.allow_missing)}


def run_transfer(cfg: Config, request: Request) -> tuple[Result, bool]:
    """Run the config's task, or read the result of the same run if it is finished. Second: whether it was run."""
    register_all()
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')), shared_datasets():
        check_keys(cfg)
        _check_request(cfg, request)
        task = build_task(cfg.task)
        task.set_data(cfg, request)
        digest = hash_recipe(cfg)
        if (request.work_dir / FILE).exists() and not request.force:
            return finished_result(request, digest, seed_of(cfg)), False
        with occupy(request.work_dir, LINGER_SECONDS):
            return task.run(cfg, request, digest), True


def seed_of(cfg: Mapping) -> int:
    return int(cfg.get('randomness', {}).get('seed') or 0)


def protocol_of(cfg: Config, data: Mapping[str, Any]) -> Protocol:
    """The config's protocol with its hashes. To be called on the config as it was read, before anything is filled in.

    Args:
        data: the identity of the data, as the domain defines it.
    """
    kept = copy.deepcopy({k: v for k, v in cfg.to_dict().items() if k not in (*NOT_RECIPE, 'randomness', 'recipe')})
    for loader in ('train_dataloader', 'val_dataloader'):
        for place in (kept.get(loader, {}), kept.get(loader, {}).get('dataset', {})):
            for key in NOT_PROTOCOL:
                place.pop(key, None)
    for part in ('encoder', 'backbone'):
        for key in WEIGHTS:
            kept.get('model', {}).get(part, {}).pop(key, None)
    both = {'config': kept, 'data': dict(data)}
    return Protocol(**cfg.protocol.to_dict(), recipe=json_hash(kept), hash=json_hash(both))


def _check_request(cfg: Config, request: Request) -> None:
    for key in ('task', 'protocol'):
        if key not in cfg:
            raise ConfigError(f'{cfg.filename}: no {key!r}: it is not a transfer config; `mimbench list` shows them')
    unknown = set(cfg.protocol) ^ set(PROTOCOL_KEYS)
    if unknown:
        raise ConfigError(f'{cfg.filename}: protocol has wrong or missing keys: {", ".join(sorted(unknown))}')
    if request.like and request.checkpoint != RANDOM:
        raise UserError('--like belongs to --checkpoint random; a checkpoint brings its own architecture')
    for path in (request.checkpoint, request.like):
        if path not in (None, RANDOM) and not Path(path).is_file():
            raise CheckpointError(f'{path}: no such file; --checkpoint takes a file or the word random')


def finished_result(request: Request, digest: str, seed: int) -> Result:
    """The stored result, if it is that of this config, checkpoint, architecture and seed. UserError otherwise."""
    found = read_result(request.work_dir)
    asked = None if request.checkpoint == RANDOM else sha256(request.checkpoint)
    differs = [
        name
        for name, old, new in (
            ('config', found.config_hash, digest),
            ('checkpoint', found.start.sha256, asked),
            ('architecture of the control', found.start.like, request.like),
            ('seed', found.seed, seed),
        )
        if old != new
    ]
    if differs:
        raise UserError(
            f'{request.work_dir} holds the result of another run (different: {", ".join(differs)}); '
            'choose another --work-dir, or --force to replace it'
        )
    return found

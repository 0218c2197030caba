"""Features of a frozen network: one vector per sample, computed once and kept on disk."""

import functools
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from mmengine.config import Config
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch import distributed as dist

from pretrain.checkpoint.initial import Initial
from pretrain.data.loader import SizedDataset, build_eval_loader
from pretrain.data.parts import identity
from pretrain.engine.evaluation import full_precision, gather_rows
from pretrain.engine.processes import find_launcher, is_main, join_processes, joined_processes
from pretrain.engine.seeding import seed_step
from pretrain.engine.setting import Setting, load_facts
from pretrain.engine.task import TransferTask
from pretrain.engine.transfer import Request
from pretrain.errors import DataError
from pretrain.files import atomic, cache_folder, json_hash
from pretrain.record import Result, Scores
from pretrain.registry import MODELS

FORMAT = 4
"""Raised when the same key would mean other features."""


class FrozenModel(Protocol):
    """A model that does not train.

    Attributes:
        net: the network.
        initial: what it started from.
        facts: what decides its features beside weights and data; as JSON.
        data_preprocessor: makes the batch that `predict` takes; its buffers lie where the model lies.
    """

    net: nn.Module
    initial: Initial
    data_preprocessor: Any

    @property
    def facts(self) -> list: ...

    def predict(self, batch: dict) -> dict[str, Tensor]:
        """`features` `(B, ...)`."""


@dataclass
class Features:
    """`x` float32 `(N, ...)` and `label` int64 `(N,)`, in the order of the data set.

    Attributes:
        saved: seconds that their extraction took an earlier run, where this one found them in the cache.
    """

    x: Tensor
    label: Tensor
    saved: float = 0.0


def extract(model: FrozenModel, dataset: SizedDataset, batch_size: int, **loading) -> Features:
    """Features of all samples in fp32; each process computes its shard, all get the whole.

    Args:
        dataset: gives labelled samples whose `index` is their place.

    Raises DataError for features that are not finite.
    """
    rows = []
    for batch in build_eval_loader(dataset, batch_size, **loading):
        with full_precision():
            x = model.predict(model.data_preprocessor(batch))['features'].float().cpu()
        rows.append((batch['index'].numpy(), np.asarray(x), batch['label'].numpy()))
    index, vectors, label = (np.concatenate(column) for column in zip(*gather_rows(rows), strict=True))
    if not np.isfinite(vectors).all():
        raise DataError('features hold NaN or infinity; look at the checkpoint, and at the mean and std of its input')
    order = np.argsort(index, kind='stable')
    if not np.array_equal(index[order], np.arange(len(dataset))):
        raise RuntimeError(f'{len(index)} features for the {len(dataset)} samples of the set')
    return Features(torch.from_numpy(vectors[order]), torch.from_numpy(label[order]))


def cache_key(model: FrozenModel, dataset: Any, loader: Mapping[str, Any]) -> str:
    """Hash over all that decides the features: weights, data, transform, network, input, number format.

    Weights are the tensors themselves, because a file may be inflated, or lack some. Data are the samples' names,
    labels, sizes and times of change.
    """
    kept = {k: v for k, v in loader['dataset'].items() if k not in ('source', 'seed')}
    card = model.initial.card
    return json_hash(
        {
            'format': FORMAT,
            'weights': weights_hash(model.net),
            'data': identity(dataset.source, 'samples', files=True),
            'dataset': kept,
            'network': [card.arch, card.arch_args, card.position, type(model).__name__, model.facts],
            'dtype': 'float32',
        }
    )


def weights_hash(net: nn.Module) -> str:
    """sha256 over names, shapes and values of all tensors."""
    digest = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        digest.update(f'{name}{tuple(tensor.shape)}'.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def cached_features(model: FrozenModel, dataset: Any, loader: Mapping[str, Any], folder: Path) -> Features:
    """`extract`, or what it gave before for the same key. A damaged file is computed again, and said so."""
    path = folder / f'{cache_key(model, dataset, loader)}.safetensors'
    found = [_read(path) if is_main() else None]
    if dist.is_available() and dist.is_initialized():
        dist.broadcast_object_list(found)
    if found[0] is not None:
        return found[0]
    loading = {k: v for k, v in loader.items() if k != 'dataset'}
    start = time.perf_counter()
    features = extract(model, dataset, **loading)
    if is_main():
        seconds = time.perf_counter() - start
        print(f'features of {len(dataset):,} samples in {seconds:.1f} s, kept in {path}')
        _write(path, features, seconds)
    return features


def _read(path: Path) -> Features | None:
    if not path.exists():
        return None
    try:
        with safe_open(path, 'pt') as file:
            return Features(file.get_tensor('x'), file.get_tensor('label'), float((file.metadata() or {})['seconds']))
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        print(f'{path} is damaged ({" ".join(str(error).split())}); computing the features again')
        return None


def _write(path: Path, features: Features, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        tensors = {'x': features.x.contiguous(), 'label': features.label.contiguous()}
        save_file(tensors, temporary, {'seconds': str(seconds)})


@dataclass
class FrozenRun:
    """Everything that a task on frozen features needs.

    Features are computed, or read from the cache, when they are asked for; by all processes in the same order.
    """

    setting: Setting
    model: Any
    load_report: dict | None

    @functools.cached_property
    def train(self) -> Features:
        return self._features('train')

    @functools.cached_property
    def val(self) -> Features:
        return self._features('val')

    def _features(self, part: str) -> Features:
        loader = self.setting.cfg[f'{part}_dataloader'].to_dict()
        return cached_features(self.model, getattr(self.setting.data, part), loader, cache_folder('features'))

    @property
    def device(self) -> torch.device:
        return next(self.model.net.parameters()).device

    def record(self, scores: Scores, **facts) -> Result:
        """Write the result, from the first process. Its cost is that of a run which finds nothing in the cache."""
        size = joined_processes()
        saved = sum(vars(self)[part].saved for part in ('train', 'val') if part in vars(self))
        facts |= {'world_size': size, 'cost': self.setting.meter.read(size, before=saved)}
        return self.setting.record(scores, self.load_report, self.model.initial.sha256, write=is_main(), **facts)


def frozen_run(task: TransferTask, cfg: Config, request: Request, config_hash: str) -> FrozenRun:
    """Check, build the frozen model, and print what a reader must know."""
    setting = task.prepare(cfg, request, config_hash)
    join_processes(request.launcher or find_launcher())
    seed_step(setting.seed, 0, 0)
    model = MODELS.build(setting.cfg.model).eval()
    model.to('cuda' if torch.cuda.is_available() else 'cpu')
    line, report = load_facts(model.initial.report)
    if is_main():
        print('\n'.join(setting.lines(line)))
    return FrozenRun(setting, model, report)

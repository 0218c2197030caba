"""Scoring a model on a data set, and doing so during training."""

import json
from typing import Any, Protocol

import torch
from mmengine.hooks import Hook
from torch import distributed as dist
from torch import nn

from pretrain.data.build import build_dataset
from pretrain.data.loader import build_eval_loader
from pretrain.record import Scores
from pretrain.registry import HOOKS, build_task


class Metric(Protocol):
    """Collects one entry per sample, keyed by its index in the data set.

    Entries are put in the order of the data set before anything is summed, so that equal predictions give equal scores
    to the last bit whatever the batches, their order and the number of processes.
    """

    def observe(self, model: nn.Module, batch: dict) -> None:
        """Predict a collated batch and keep what the scores need."""

    def gather(self) -> None:
        """Bring the entries of all processes to every one of them."""

    def scores(self) -> Scores:
        """Raises RuntimeError unless every sample was seen exactly once."""


@torch.no_grad()
def evaluate(model: nn.Module, dataset: Any, metric: Metric, batch_size: int, **loading) -> Scores:
    """Scores in fp32 without autocast, over all processes; the model's mode is put back.

    Each process takes its shard, no sample twice; every process gets the same scores.
    """
    training = model.training
    model.eval()
    share_buffers(model)
    for batch in build_eval_loader(dataset, batch_size, **loading):
        with full_precision():
            metric.observe(model, batch)
    model.train(training)
    metric.gather()
    return metric.scores()


def gather_rows(rows: list) -> list:
    """The rows of all processes, in every one of them."""
    if not (dist.is_available() and dist.is_initialized()):
        return rows
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, rows)
    return [row for part in parts for row in part]


def check_complete(indices: list[int], num_samples: int) -> None:
    """Raise RuntimeError unless these are the indices of every sample, each once."""
    unique = set(indices)
    if len(indices) != num_samples or len(unique) != num_samples:
        twice = sorted({i for i in indices if indices.count(i) > 1})[:5] if len(unique) < len(indices) else []
        raise RuntimeError(
            f'evaluated {len(indices)} predictions of {len(unique)} images, the set has {num_samples}'
            + (f'; seen more than once: {twice}' if twice else '')
        )


def share_buffers(model: nn.Module) -> None:
    """Give every process the first one's buffers: running statistics of batch norm differ between processes."""
    if dist.is_available() and dist.is_initialized():
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def full_precision():
    """No TF32 in convolutions, which cuDNN would use by default; matrix products are fp32 already."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


@HOOKS.register_module()
class EvalHook(Hook):
    """Scores the model on `val_dataloader` as the config's task does; `scores.jsonl` and the visualizer get them.

    Args:
        interval: epochs between two evaluations, or updates if `by_epoch` is False; the end is always scored.
    """

    priority = 'BELOW_NORMAL'  # before saving: no resumed run may be past an evaluation that did not end

    def __init__(self, interval: int = 1, by_epoch: bool = True):
        self.interval, self.by_epoch = interval, by_epoch

    def before_train(self, runner) -> None:
        loading = dict(runner.cfg.val_dataloader)
        self.dataset = build_dataset(loading.pop('dataset'))
        self.loading = loading
        self.task = build_task(runner.cfg.task)
        self.path = runner.folder / 'scores.jsonl'
        if runner.rank == 0 and self.path.exists():
            lines = self.path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith('\n') and json.loads(line)['iter'] <= runner.iter]
            self.path.write_text(''.join(kept))

    def after_update(self, runner, progress: float) -> None:
        every = self.interval * (runner.train_loop.per_epoch if self.by_epoch else 1)
        if runner.iter % every and runner.iter != runner.max_iters:
            return
        model = runner.bare_model
        scores = evaluate(model, self.dataset, self.task.metric(self.dataset, model), **self.loading).overall
        if runner.rank == 0:
            epoch = runner.iter / runner.train_loop.per_epoch
            with open(self.path, 'a') as file:
                file.write(json.dumps({'iter': runner.iter, 'epoch': epoch, **scores}) + '\n')
            runner.visualizer.add_scalars({f'val/{k}': v for k, v in scores.items()}, step=runner.iter)
            shown = '  '.join(f'{k} {v:.4f}' for k, v in scores.items())
            place = f'epoch {epoch:g}' if self.by_epoch else f'update {runner.iter}'
            runner.logger.info(f'{place}: {shown}')

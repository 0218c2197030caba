"""Scoring a model on a data set, and doing so during training."""

import json

import torch
from mmengine.hooks import Hook
from torch import distributed as dist
from torch import nn

from classification.metrics import ClassMetrics, Scores
from pretrain.data.dataset import ImageDataset
from pretrain.data.loader import build_eval_loader
from pretrain.registry import DATASETS, HOOKS


@torch.no_grad()
def evaluate(model: nn.Module, dataset: ImageDataset, batch_size: int, **loading) -> Scores:
    """Scores of `model.predict`, in fp32 without autocast, over all processes; the model's mode is put back.

    Each process takes its shard, no image twice; every process gets the same scores.
    """
    metrics = ClassMetrics(len(dataset), model.num_classes, dataset.classes)
    training = model.training
    model.eval()
    share_buffers(model)
    for batch in build_eval_loader(dataset, batch_size, **loading):
        with full_precision():
            prepared = model.data_preprocessor(batch)
            metrics.add(batch['index'], model.predict(prepared)['logits'], prepared['label'])
    model.train(training)
    metrics.gather()
    return metrics.scores()


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
    """Evaluates every `interval` epochs on `val_dataloader`; `scores.jsonl` and the visualizer get the scores."""

    priority = 'LOW'

    def __init__(self, interval: int = 1):
        self.interval = interval

    def before_train(self, runner) -> None:
        loading = dict(runner.cfg.val_dataloader)
        self.dataset = DATASETS.build(loading.pop('dataset'))
        self.loading = loading
        self.path = runner.folder / 'scores.jsonl'
        if runner.rank == 0 and self.path.exists():
            lines = self.path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith('\n') and json.loads(line)['iter'] <= runner.iter]
            self.path.write_text(''.join(kept))

    def after_update(self, runner, progress: float) -> None:
        if runner.iter % (self.interval * runner.train_loop.per_epoch) and runner.iter != runner.max_iters:
            return
        scores = evaluate(runner.bare_model, self.dataset, **self.loading).overall
        if runner.rank == 0:
            epoch = runner.iter / runner.train_loop.per_epoch
            with open(self.path, 'a') as file:
                file.write(json.dumps({'iter': runner.iter, 'epoch': epoch, **scores}) + '\n')
            runner.visualizer.add_scalars({f'val/{k}': v for k, v in scores.items()}, step=runner.iter)
            shown = '  '.join(f'{k} {v:.4f}' for k, v in scores.items())
            runner.logger.info(f'epoch {epoch:g}: {shown}')


def world_size() -> int:
    """Processes of this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_main() -> bool:
    """True in the process that prints and writes."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0

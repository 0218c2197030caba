"""What happens around an update: metrics, checkpoints, signals, pictures, the teacher."""

import json
import signal
import time
from collections import deque

import torch
from mmengine.hooks import Hook
from torch import distributed as dist

from pretrain.engine import checkpointing
from pretrain.engine.console import Console
from pretrain.files import atomic
from pretrain.registry import HOOKS

DEFAULT_HOOKS = {
    'signals': {'type': 'SignalHook'},
    'teacher': {'type': 'TeacherHook'},
    'metrics': {'type': 'MetricsHook'},
    'pictures': {'type': 'PictureHook'},
    'save': {'type': 'SaveHook'},
}
"""Every run has these; `default_hooks` in a config changes their arguments, or leaves one out with None."""


class NonFiniteError(RuntimeError):
    """Loss or gradients stopped being finite; the parameters are those before that update."""


@HOOKS.register_module()
class MetricsHook(Hook):
    """Reads the metrics every `interval` updates, the only time that the host waits for the device.

    Writes every update to `metrics.jsonl` (one JSON object per line, continued and not repeated after a resume), the
    window's means to the visualizer's back ends (TensorBoard, W&B, MLflow), and progress to the terminal. Raises
    NonFiniteError on all processes when one met a loss or gradient that is not finite.
    """

    priority = 'NORMAL'

    def __init__(self, interval: int = 50):
        self.interval = interval
        self.pending: list[dict] = []
        self.recent_ids: deque = deque(maxlen=interval)

    def before_train(self, runner) -> None:
        self.console: Console | None = Console(runner) if runner.rank == 0 else None
        self.path = runner.folder / 'metrics.jsonl'
        self._forget_after(runner.iter)
        self._start_window(runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        norm = runner.optim_wrapper.grad_norm
        self.pending.append({'iter': batch_idx, 'lr': runner.learning_rate, **outputs, 'grad_norm': norm})
        self.recent_ids.append((batch_idx, data_batch))
        if (batch_idx + 1) % self.interval == 0 or batch_idx + 1 == runner.max_iters:
            self.write(runner)
        elif runner.optim_wrapper.device.type == 'cpu':
            self._check_finite(runner)

    def before_save_checkpoint(self, runner, checkpoint) -> None:
        """A checkpoint never holds a failed state, and the log on disk is never behind it."""
        self.write(runner)

    def write(self, runner) -> None:
        """Bring the pending metrics to the host, check and write them."""
        self._check_finite(runner)
        if not self.pending:
            return
        rows = _to_host(self.pending)
        self.pending = []
        if self.console is None:
            return
        with open(self.path, 'a') as file:
            file.writelines(json.dumps({'epoch': r['iter'] // runner.train_loop.per_epoch, **r}) + '\n' for r in rows)
        means = {k: sum(r[k] for r in rows) / len(rows) for k in rows[0] if k != 'iter'}
        done = int(rows[-1]['iter']) + 1
        speed = self._speed(runner, len(rows))
        runner.visualizer.add_scalars({**means, **speed}, step=done)
        self.console.update(done, means, speed)
        self._start_window(runner)

    def after_train(self, runner) -> None:
        if self.console:
            self.console.close()

    def _start_window(self, runner) -> None:
        self.window_start = time.perf_counter()
        runner.train_loop.wait = 0.0

    def _speed(self, runner, updates: int) -> dict[str, float]:
        seconds = max(time.perf_counter() - self.window_start, 1e-9)
        return {
            'images_per_s': updates * runner.train_loop.effective_batch / seconds,
            'data_wait': runner.train_loop.wait / seconds,
        }

    def _check_finite(self, runner) -> None:
        wrapper = runner.optim_wrapper
        if not bool(wrapper.failed):
            return
        number = int(wrapper.failed_at)
        ids: list = next((ids for n, ids in self.recent_ids if n == number), [])
        last = checkpointing.finished(runner.checkpoint_folder)
        raise NonFiniteError(
            f'loss or gradient is not finite at iteration {number} ({_culprits(bool(wrapper.failed_here), ids)}); no '
            f'parameter was updated with it. Last checkpoint: {last[0][1] if last else "none"}. Look at these samples, '
            f'lower the learning rate, or train with optim_wrapper.precision=fp32'
        )

    def _forget_after(self, iteration: int) -> None:
        """Drop lines of updates that a resumed run does again."""
        if not self.path.exists():
            return
        lines = self.path.read_text().splitlines(keepends=True)
        kept = [line for line in lines if line.endswith('\n') and json.loads(line)['iter'] < iteration]
        if len(kept) < len(lines):
            with atomic(self.path) as temporary:
                temporary.write_text(''.join(kept))


def _culprits(here: bool, ids: list[str]) -> str:
    """The processes whose loss was not finite and their samples; all of them where only the gradient was not.

    To be called by all processes.
    """
    found = [(here, ids)]
    if dist.is_initialized():
        found = [(False, [])] * dist.get_world_size()
        dist.all_gather_object(found, (here, ids))
    guilty = {rank: ids for rank, (here, ids) in enumerate(found) if here} or dict(enumerate(i for _, i in found))
    shown = [f'process {rank}, samples: {_some(ids)}' for rank, ids in list(guilty.items())[:4]]
    return '; '.join(shown) + (f'; and {len(guilty) - 4} more processes' if len(guilty) > 4 else '')


def _some(ids: list[str]) -> str:
    return ', '.join(map(str, ids[:8])) + (f' and {len(ids) - 8} more' if len(ids) > 8 else '')


def _to_host(rows: list[dict]) -> list[dict[str, float]]:
    """Tensors of all rows, averaged over the processes, to floats with one transfer."""
    tensors = [(i, k) for i, row in enumerate(rows) for k, v in row.items() if isinstance(v, torch.Tensor)]
    if tensors:
        values = torch.stack([rows[i][k].detach().float() for i, k in tensors])
        if dist.is_initialized():
            dist.all_reduce(values)
            values /= dist.get_world_size()
        for (i, k), value in zip(tensors, values.tolist(), strict=True):
            rows[i][k] = value
    return rows


@HOOKS.register_module()
class SaveHook(Hook):
    """Saves every `interval` epochs (or updates, if `by_epoch` is False) and at the end; keeps the newest `keep`.

    When training is done the model writes what it exports: an exchange checkpoint, or a tokenizer. With `export_at`, a
    list of epochs, it also does so after those, into `epochs/<number>/`, for curves over pre-training. There the whole
    model lies beside an exported encoder (`model.pth`; a third more for MAE ViT-B, and it may be removed): the training
    checkpoint of that epoch is soon gone, and its loss on held-out images would be with it.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 1, by_epoch: bool = True, keep: int = 2, export_at: list[int] | None = None):
        self.interval, self.by_epoch, self.keep = interval, by_epoch, keep
        self.export_at = set(export_at or ())

    def after_update(self, runner, progress: float) -> None:
        # Before the checkpoint: a run that ends in between does this update again, and so exports again.
        if runner.iter % runner.train_loop.per_epoch == 0 and runner.train_loop.epoch in self.export_at:
            runner.export_whole(runner.folder / 'epochs' / f'{runner.train_loop.epoch:04d}')
        every = self.interval * (runner.train_loop.per_epoch if self.by_epoch else 1)
        if runner.iter % every == 0 or runner.iter == runner.max_iters or runner.train_loop.stop_requested:
            runner.save(self.keep)

    def after_train(self, runner) -> None:
        runner.export(runner.folder)


@HOOKS.register_module()
class SignalHook(Hook):
    """SIGTERM and SIGUSR1: finish the step, save, and exit with code 75 (requeue). Further signals change nothing.

    Processes of a distributed run agree every `interval` updates, so that all stop at the same one.
    """

    priority = 'HIGHEST'

    def __init__(self, interval: int = 10):
        self.interval = interval
        self.received = False

    def before_train(self, runner) -> None:
        self.previous = {s: signal.signal(s, self._note) for s in (signal.SIGTERM, signal.SIGUSR1)}

    def _note(self, number, frame) -> None:
        self.received = True

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if dist.is_initialized():
            if (batch_idx + 1) % self.interval:
                return
            flag = torch.tensor(float(self.received), device=runner.optim_wrapper.device)
            dist.all_reduce(flag, dist.ReduceOp.MAX)
            self.received = bool(flag)
        if self.received and batch_idx + 1 < runner.max_iters:
            runner.logger.info(f'signal received: saving after update {batch_idx + 1} and stopping with exit code 75')
            runner.train_loop.stop_requested = True

    def after_run(self, runner) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)


@HOOKS.register_module()
class TeacherHook(Hook):
    """Tells the model that an update is done, so that an EMA teacher follows."""

    priority = 'HIGH'

    def after_update(self, runner, progress: float) -> None:
        if hasattr(runner.bare_model, 'after_update'):
            runner.bare_model.after_update(progress)

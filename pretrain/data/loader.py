"""DataLoaders with the settings that this project wants everywhere.

Images travel as uint8, a quarter of the bytes of floats; the model normalises them on its device.

Workers start by `fork` on Linux: at once, and sharing the index of the data set. If CUDA is already in use in this
process they start by `forkserver`, because a forked copy of a CUDA process can hang; elsewhere the platform's own way
is taken. What is loaded never depends on it. `start_method` overrides the choice.
"""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, Dataset, default_collate

from pretrain.data.sampler import EvalSampler, TrainBatchSampler, TrainOrder
from pretrain.errors import UserError


class SizedDataset(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, key: Any) -> Any: ...


class ImageLoader(DataLoader):
    """A DataLoader whose UserErrors read the same from a worker as from the main process: one line, no traceback."""

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        return _one_line_errors(super().__iter__())


def _one_line_errors(batches: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    try:
        yield from batches
        return
    except UserError as error:
        # torch puts the worker's traceback before the message.
        kind = type(error)
        message = str(error).strip().rpartition(f'{kind.__qualname__}: ')[2]
        # The error and torch's frame that raised it hold each other, and with them the workers, which a later garbage
        # collection would shut down the slow way: 5 s each.
        error.__traceback__ = None
    raise kind(message)


def collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack tensors and numbers, join the lists of replaced images, keep everything else (ids) as a list.

    Returns `image` uint8 `(B, C, H, W)`, `id` list of str, `index` int64 `(B,)`, `replaced` list of `(path, error)`,
    and `label` int64 `(B,)`, `second` uint8 `(B, C, h, w)` if the samples have them.
    """
    batch: dict[str, Any] = {}
    for key, first in samples[0].items():
        values = [sample[key] for sample in samples]
        if key == 'replaced':
            batch[key] = [entry for value in values for entry in value]
        elif isinstance(first, (torch.Tensor, int, float)):
            batch[key] = default_collate(values)  # writes to shared memory when in a worker
        else:
            batch[key] = values
    return batch


def build_train_loader(
    dataset: SizedDataset,
    order: TrainOrder,
    batch_size: int,
    accumulation: int = 1,
    start_iteration: int = 0,
    num_iterations: int | None = None,
    rank: int | None = None,
    world_size: int | None = None,
    **options: Any,
) -> DataLoader:
    """Micro-batches of one process from `start_iteration` on, `accumulation` of them per iteration.

    `rank` and `world_size` are by default those of the process group. `options` are those of `build_loader`.
    """
    rank, world_size = _place(rank, world_size)
    sampler = TrainBatchSampler(order, batch_size, accumulation, rank, world_size, start_iteration, num_iterations)
    return build_loader(dataset, batch_sampler=sampler, **options)


def build_eval_loader(
    dataset: SizedDataset, batch_size: int, rank: int | None = None, world_size: int | None = None, **options: Any
) -> DataLoader:
    """Every image once over all processes; the last batch may be smaller, and shards differ by at most one image."""
    rank, world_size = _place(rank, world_size)
    return build_loader(dataset, batch_size=batch_size, sampler=EvalSampler(len(dataset), rank, world_size), **options)


def build_loader(
    dataset: SizedDataset,
    num_workers: int = 0,
    prefetch_factor: int = 2,
    start_method: str | None = None,
    pin_memory: bool | None = None,
    collate_fn: Callable | None = None,
    **sampling: Any,
) -> DataLoader:
    """A DataLoader; workers, if any, persist and use one thread each, and memory is pinned when there is CUDA.

    `prefetch_factor` is batches in flight per worker; samples are joined by the data set's own `collate` if it has one;
    `sampling` are DataLoader's sampler arguments.
    """
    parallel: dict[str, Any] = {}
    if num_workers > 0:
        parallel = {
            'persistent_workers': True,
            'prefetch_factor': prefetch_factor,
            'multiprocessing_context': start_method or default_start_method(),
            'worker_init_fn': _prepare_worker,
        }
    return ImageLoader(
        cast(Dataset, dataset),
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available() if pin_memory is None else pin_memory,
        collate_fn=collate_fn or getattr(dataset, 'collate', collate),
        generator=torch.Generator(),  # else each new iterator would draw from the global generator of training
        **parallel,
        **sampling,
    )


def default_start_method() -> str | None:
    if not sys.platform.startswith('linux'):
        return None
    return 'forkserver' if torch.cuda.is_initialized() else 'fork'


def _prepare_worker(worker: int) -> None:
    torch.set_num_threads(1)
    _obey_the_parent_alone()
    # What the parent left behind is not this process's to collect: that would copy shared pages, and finalise loaders
    # whose workers are not its children.
    gc.freeze()


def _obey_the_parent_alone() -> None:
    """End at SIGTERM only if the training process sent it.

    Schedulers signal every process of a job. The training process then saves and ends its workers; one that died of the
    signal itself would take the run with it before that.
    """
    if not hasattr(signal, 'sigwaitinfo'):
        return
    numbers = {signal.SIGTERM, signal.SIGUSR1}
    parent = multiprocessing.parent_process()  # not getppid(), which may be a fork server's
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def watch() -> None:
        while True:
            found = signal.sigwaitinfo(numbers)
            if found.si_signo == signal.SIGTERM and parent is not None and found.si_pid == parent.pid:
                os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    grouped = dist.is_available() and dist.is_initialized()
    if rank is None:
        rank = dist.get_rank() if grouped else 0
    if world_size is None:
        world_size = dist.get_world_size() if grouped else 1
    return rank, world_size

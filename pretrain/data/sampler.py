"""Which images are seen when: pure functions of (seed, iteration), so any run can resume anywhere."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from pretrain.errors import ConfigError, DataError


class SampleKey(NamedTuple):
    """One image in one epoch; what the training sampler gives to the data set."""

    epoch: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody wants here

    @classmethod
    def of(cls, key: 'SampleKey | tuple[int, int] | int') -> 'SampleKey':
        """A plain index belongs to epoch 0."""
        return cls(*(int(v) for v in key)) if isinstance(key, tuple) else cls(0, int(key))


class TrainOrder:
    """The global batch of every iteration, whatever the number of processes.

    Args:
        num_samples: size of the data set.
        effective_batch: images per optimiser step over all processes and accumulation steps.
        seed: of the shuffling.
        partial: `drop` leaves out the images at the end of an epoch that do not fill a batch (other ones in each
            epoch); `carry` lets batches run over the end of an epoch, so sets smaller than a batch work and every
            image is seen equally often.
        share: of the data set that is used, in (0, 1]: rounded, the same images whatever the seed, and those of a
            smaller share are among those of a larger one.

    Each epoch is a permutation from (seed, epoch). Raises DataError for an empty set, or with `drop` for one smaller
    than a batch.
    """

    def __init__(
        self, num_samples: int, effective_batch: int, seed: int = 0, partial: str = 'drop', share: float = 1.0
    ):
        if partial not in ('drop', 'carry'):
            raise ConfigError(f"partial {partial!r} is not one of 'drop', 'carry'")
        if effective_batch < 1:
            raise ConfigError(f'effective batch {effective_batch} is not at least 1')
        if not 0 < share <= 1:
            raise ConfigError(f'share {share} of the data set is not in (0, 1]')
        self.used = None if share == 1 else _chosen(num_samples, share)
        num_samples = num_samples if self.used is None else len(self.used)
        if num_samples < 1 or (partial == 'drop' and num_samples < effective_batch):
            raise DataError(
                f'{num_samples} samples are fewer than one effective batch of {effective_batch}; '
                'lower train_cfg.effective_batch, or add data'
            )
        self.num_samples = num_samples
        self.effective_batch = effective_batch
        self.seed = seed
        self.partial = partial
        self._permutations: dict[int, np.ndarray] = {}

    @property
    def iterations_per_epoch(self) -> int:
        """Iterations in which every image is due once: rounded down with `drop`, up with `carry`."""
        whole, rest = divmod(self.num_samples, self.effective_batch)
        return whole + bool(rest and self.partial == 'carry')

    def batch(self, iteration: int) -> list[SampleKey]:
        """The `effective_batch` samples of an iteration, counted from 0 over the whole run."""
        return self.part(iteration, 0, self.effective_batch)

    def part(self, iteration: int, start: int, stop: int) -> list[SampleKey]:
        """Samples `start` to `stop` of the batch of an iteration."""
        if self.partial == 'drop':
            epoch, step = divmod(iteration, self.iterations_per_epoch)
            first = epoch * self.num_samples + step * self.effective_batch
        else:
            first = iteration * self.effective_batch
        keys: list[SampleKey] = []
        position, end = first + start, first + stop
        while position < end:
            epoch, place = divmod(position, self.num_samples)
            indices = self._permutation(epoch)[place : place + end - position].tolist()
            keys += [SampleKey(epoch, index) for index in indices]
            position += len(indices)
        return keys

    def _permutation(self, epoch: int) -> np.ndarray:
        if epoch not in self._permutations:
            # RandomState, because NumPy promises never to change its streams (NEP 19): a resume on another version
            # continues the same order.
            bits = np.random.MT19937(np.random.SeedSequence([self.seed, epoch]))
            permutation = np.random.RandomState(bits).permutation(self.num_samples if self.used is None else self.used)
            self._permutations = {e: p for e, p in self._permutations.items() if e == epoch - 1}
            self._permutations[epoch] = permutation
        return self._permutations[epoch]


def _chosen(num_samples: int, share: float) -> np.ndarray:
    """Sorted indices of a share of a data set: the beginning of one fixed permutation."""
    bits = np.random.MT19937(np.random.SeedSequence([0x5368617265]))
    return np.sort(np.random.RandomState(bits).permutation(num_samples)[: round(share * num_samples)])


class TrainBatchSampler(Sampler[list[SampleKey]]):
    """The micro-batches of one process, `accumulation` of them for each iteration.

    Args:
        order: the global order.
        batch_size: images per process and micro-batch; `batch_size * accumulation * world_size` must be the effective
            batch of `order` (ConfigError).
        start_iteration: first iteration; where to resume.
        num_iterations: iterations to yield; None goes on for ever.
    """

    def __init__(
        self,
        order: TrainOrder,
        batch_size: int,
        accumulation: int = 1,
        rank: int = 0,
        world_size: int = 1,
        start_iteration: int = 0,
        num_iterations: int | None = None,
    ):
        total = batch_size * accumulation * world_size
        if total != order.effective_batch:
            raise ConfigError(
                f'{batch_size} images x {accumulation} accumulation steps x {world_size} processes = {total}, but the '
                f'effective batch is {order.effective_batch}; change one of them'
            )
        if not 0 <= rank < world_size:
            raise ConfigError(f'rank {rank} is not in 0..{world_size - 1}')
        self.order = order
        self.batch_size = batch_size
        self.accumulation = accumulation
        self.rank = rank
        self.world_size = world_size
        self.start_iteration = start_iteration
        self.num_iterations = num_iterations

    def __len__(self) -> int:
        if self.num_iterations is None:
            raise TypeError('an endless sampler has no length')
        return self.num_iterations * self.accumulation

    def __iter__(self) -> Iterator[list[SampleKey]]:
        iteration = self.start_iteration
        while self.num_iterations is None or iteration < self.start_iteration + self.num_iterations:
            for micro in range(self.accumulation):
                start = (micro * self.world_size + self.rank) * self.batch_size
                yield self.order.part(iteration, start, start + self.batch_size)
            iteration += 1


class EvalSampler(Sampler[int]):
    """Every image exactly once over all processes: contiguous shards, never padded, so lengths differ by at most one.

    Contiguous, because neighbours in a shard file are then read together.
    """

    def __init__(self, num_samples: int, rank: int = 0, world_size: int = 1):
        if not 0 <= rank < world_size:
            raise ConfigError(f'rank {rank} is not in 0..{world_size - 1}')
        self.indices = range(num_samples * rank // world_size, num_samples * (rank + 1) // world_size)

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

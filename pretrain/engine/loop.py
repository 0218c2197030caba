"""The training loop: one iteration is one update, whatever the accumulation and the number of processes."""

import time

from mmengine.runner.base_loop import BaseLoop
from torch import Tensor
from torch.utils.data import DataLoader

from pretrain.data.build import build_dataset
from pretrain.data.loader import build_train_loader
from pretrain.data.quarantine import QuarantineLedger
from pretrain.data.sampler import TrainOrder
from pretrain.engine.processes import leave_processes
from pretrain.engine.seeding import seed_step
from pretrain.errors import ConfigError
from pretrain.registry import LOOPS


class Preempted(SystemExit):
    """Raised after a signal, when the step is finished and saved; its exit code 75 asks a scheduler to start again."""

    def __init__(self):
        super().__init__(75)


@LOOPS.register_module()
class TrainLoop(BaseLoop):
    """Exactly resumable training.

    Args:
        runner: the runner.
        dataloader: `dict(dataset=..., batch_size=..., num_workers=...)`; batch_size is per process and micro-batch.
        effective_batch: samples per update over all processes.
        epochs, iterations: length of the training, one of both.
        share: of the training set that is used, in (0, 1]; an epoch is as much shorter.

    The order of samples, their augmentation and all other randomness follow from (seed, iteration) alone, so training
    continues after a stop as if there had been none.
    """

    def __init__(
        self,
        runner,
        dataloader: dict,
        effective_batch: int,
        epochs: int | None = None,
        iterations: int | None = None,
        share: float = 1.0,
    ):
        if (epochs is None) == (iterations is None):
            raise ConfigError('train_cfg needs exactly one of epochs and iterations')
        length = epochs if iterations is None else iterations
        if not isinstance(length, int) or length < 1:
            raise ConfigError(
                f'train_cfg.epochs is {epochs} and iterations {iterations}; give a whole number from 1 on'
            )
        self._runner = runner
        cfg = dict(dataloader)
        self.dataset = build_dataset(cfg.pop('dataset'))
        self.dataset.seed = runner.seed
        self.batch_size = cfg.pop('batch_size')
        self.loader_args = cfg
        self.effective_batch = effective_batch
        self.accumulation = effective_batch // (self.batch_size * runner.world_size)
        self.order = TrainOrder(len(self.dataset), effective_batch, runner.seed, share=share)
        self.per_epoch = self.order.iterations_per_epoch
        self._max_iters: int = iterations or epochs * self.per_epoch  # type: ignore[operator]  # one of both is set
        self._iter = 0
        self.wait = 0.0
        self.stop_requested = False
        self.dataloader: DataLoader | None = None
        self.ledger = QuarantineLedger(dataset_size=len(self.dataset), path=runner.folder / 'quarantine.jsonl')

    @property
    def iter(self) -> int:
        """Updates done."""
        return self._iter

    @property
    def epoch(self) -> int:
        return self._iter // self.per_epoch

    @property
    def max_iters(self) -> int:
        return self._max_iters

    @property
    def max_epochs(self) -> int:
        return -(-self._max_iters // self.per_epoch)

    def run(self):
        runner = self.runner
        micro_batches = iter(self._build_loader())
        runner.call_hook('before_train')
        runner.model.train()
        while self._iter < self._max_iters:
            runner.call_hook('before_train_iter', batch_idx=self._iter)
            runner.set_learning_rate(self._iter)
            seed_step(runner.seed, self._iter, runner.rank)
            ids, outputs = self._update(micro_batches)
            runner.call_hook('after_train_iter', batch_idx=self._iter, data_batch=ids, outputs=outputs)
            self._iter += 1
            runner.call_hook('after_update', progress=self._iter / self._max_iters)
            if self.stop_requested:
                leave_processes()
                raise Preempted
        runner.call_hook('after_train')
        return runner.model

    def _update(self, micro_batches) -> tuple[list[str], dict[str, Tensor]]:
        """One update: all its micro-batches. Returns the ids of this process' samples and the mean outputs."""
        ids: list[str] = []
        total: dict[str, Tensor] = {}
        for _ in range(self.accumulation):
            start = time.perf_counter()
            batch = next(micro_batches)
            self.wait += time.perf_counter() - start
            ids.extend(batch.get('id', ()))
            self.ledger.record(batch, self._iter)
            outputs = self.runner.model.train_step(batch, self.runner.optim_wrapper)
            for name, value in outputs.items():
                value = value.detach() / self.accumulation
                total[name] = total[name] + value if name in total else value
        return ids, total

    def _build_loader(self):
        self.dataloader = build_train_loader(
            self.dataset,
            self.order,
            batch_size=self.batch_size,
            accumulation=self.accumulation,
            start_iteration=self._iter,
            num_iterations=self._max_iters - self._iter,
            rank=self.runner.rank,
            world_size=self.runner.world_size,
            **self.loader_args,
        )
        return self.dataloader

"""Choosing the epoch: on a part of the training set that is held out, or, labelled as such, on the test set."""

from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook

from pointcloud.chosen import ChosenClouds
from pretrain.data.build import build_dataset
from pretrain.engine.evaluation import evaluate
from pretrain.errors import CheckpointError, ConfigError, DataError
from pretrain.files import atomic
from pretrain.registry import DATASETS, HOOKS, build_task


@DATASETS.register_module()
class HeldOut(ChosenClouds):
    """A stratified share of another source, or the rest of it.

    Args:
        source: the source or its config.
        share: held out of every class, rounded, at least one cloud.
        part: 'kept', to train on, or 'held'.
        draw: number of the random split, which depends on nothing else.
    """

    def __init__(self, source: Any, share: float = 0.1, part: str = 'kept', draw: int = 0):
        if part not in ('kept', 'held') or not 0 < share < 1:
            raise ConfigError(f"HeldOut: part={part!r}, share={share}; 'kept' or 'held', and a share between 0 and 1")
        super().__init__(source)
        self.share, self.part, self.draw = share, part, draw
        labels = self.labels()
        rng = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([draw])))
        held: set[int] = set()
        for label in np.unique(labels):
            own = rng.permutation(np.flatnonzero(labels == label))
            if len(own) < 2:
                raise DataError(f'class {label} has one cloud, which cannot be held out and trained on')
            held |= set(own[: min(max(1, round(share * len(own))), len(own) - 1)].tolist())
        self.chosen = [i for i in range(len(labels)) if (i in held) == (part == 'held')]

    def other(self) -> 'HeldOut':
        """The rest of the same source: what this one leaves out."""
        return HeldOut(self.source, self.share, 'held' if self.part == 'kept' else 'kept', self.draw)


@HOOKS.register_module()
class SelectHook(Hook):
    """Keeps the weights that score best on held-out clouds, and ends training with them; the test set plays no part.

    The training set's source must be a HeldOut; what it held out is scored with the transform of the validation set.

    Args:
        score: the score that counts, higher is better; of equal ones the earlier epoch stays.
        interval: epochs between two looks; the end is always looked at.

    A task with votes selects without them.

    The best weights so far are in `selected.pth` of the run directory, so that a resumed run knows them.
    """

    priority = 'BELOW_NORMAL'  # before saving: no resumed run may be past a look that did not end

    def __init__(self, score: str = 'top1', interval: int = 1):
        self.score, self.interval = score, interval

    def before_train(self, runner) -> None:
        self.loading = dict(runner.cfg.val_dataloader)
        settings = dict(self.loading.pop('dataset'))
        kept = runner.train_loop.dataset.source
        if not isinstance(kept, HeldOut):
            raise ConfigError(
                'SelectHook chooses on held-out clouds, but train_dataloader.dataset.source is no HeldOut; wrap it: '
                "dict(type='HeldOut', source=dict(...), share=0.1)"
            )
        self.dataset = build_dataset({**settings, 'source': kept.other()})
        task = {k: v for k, v in runner.cfg.task.items() if k != 'votes'}  # a look needs no further passes
        self.task = build_task(task)
        self.path = runner.folder / 'selected.pth'
        self.best = -np.inf
        if runner.iter and self.path.exists():
            self.best = float(torch.load(self.path, weights_only=True)['score'])
        elif runner.rank == 0:
            self.path.unlink(missing_ok=True)

    def after_update(self, runner, progress: float) -> None:
        every = self.interval * runner.train_loop.per_epoch
        if runner.iter % every and runner.iter != runner.max_iters:
            return
        model = runner.bare_model
        found = evaluate(model, self.dataset, self.task.metric(self.dataset, model), **self.loading).overall
        if self.score not in found:
            raise ConfigError(f'SelectHook.score is {self.score!r}; there are {", ".join(found)}')
        if found[self.score] > self.best:
            self.best = found[self.score]
            if runner.rank == 0:
                state = {'score': self.best, 'iteration': runner.iter, 'model': model.state_dict()}
                with atomic(self.path) as temporary:
                    torch.save(state, temporary)

    def after_train(self, runner) -> None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.barrier()
        if not self.path.exists():
            raise CheckpointError(f'{self.path} is gone, and with it the selected weights; begin afresh with --force')
        state = torch.load(self.path, map_location='cpu', weights_only=True)
        runner.bare_model.load_state_dict(state['model'])
        runner.logger.info(
            f'selected on {len(self.dataset)} held-out clouds: update {state["iteration"]}, {self.score} '
            f'{state["score"]:.4f}'
        )

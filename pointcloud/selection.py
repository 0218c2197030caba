"""Choosing the epoch: on a part of the training set that is held out, or, labelled as such, on the test set."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook

from pretrain.data.build import build_dataset
from pretrain.engine.evaluation import evaluate
from pretrain.errors import ConfigError, DataError
from pretrain.files import atomic
from pretrain.registry import DATASETS, HOOKS, build_task


@DATASETS.register_module()
class HeldOut:
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
        self.source = DATASETS.build(source) if isinstance(source, Mapping) else source
        self.share, self.part, self.draw = share, part, draw
        self.has_parts = getattr(self.source, 'has_parts', False)
        self.classes = self.source.classes
        labels = np.array([self.source.label(i) for i in range(len(self.source))])
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

    def __len__(self) -> int:
        return len(self.chosen)

    def name(self, i: int) -> str:
        return self.source.name(self.chosen[i])

    def read(self, i: int):
        return self.source.read(self.chosen[i])

    def label(self, i: int) -> int | None:
        return self.source.label(self.chosen[i])


@HOOKS.register_module()
class SelectHook(Hook):
    """Keeps the weights that score best on held-out clouds, and ends training with them; the test set plays no part.

    The training set's source must be a HeldOut; what it held out is scored with the transform of the validation set.

    Args:
        score: the score that counts, higher is better; of equal ones the earlier epoch stays.
        interval: epochs between two looks; the end is always looked at.

    The best weights so far are in `selected.pth` of the run directory, so that a resumed run knows them.
    """

    priority = 'LOW'

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
        self.task = build_task(runner.cfg.task)
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
        state = torch.load(self.path, map_location='cpu', weights_only=True)
        runner.bare_model.load_state_dict(state['model'])
        runner.logger.info(
            f'selected on {len(self.dataset)} held-out clouds: update {state["iteration"]}, {self.score} '
            f'{state["score"]:.4f}'
        )

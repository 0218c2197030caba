"""Few-shot classification: one training per fold, then mean and standard deviation over the folds."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from mmengine.config import Config

from pointcloud.chosen import ChosenClouds
from pointcloud.task import PointClassify
from pretrain.engine.launch import hash_recipe
from pretrain.engine.processes import is_main
from pretrain.engine.transfer import Request, finished_result
from pretrain.errors import ConfigError, DataError
from pretrain.record import FILE, Result, Scores
from pretrain.registry import DATASETS, TASKS


@DATASETS.register_module()
class Shots(ChosenClouds):
    """`shot` clouds of each class of another source, drawn from (shot, fold) alone.

    Args:
        source: the source or its config.
        shot: clouds per class.
        fold: which draw.
    """

    def __init__(self, source: Any, shot: int, fold: int = 0):
        super().__init__(source)
        labels = self.labels()
        rng = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([shot, fold])))
        chosen: list[int] = []
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            if len(own) < shot:
                raise DataError(f'class {label} has {len(own)} clouds, {shot} shots are asked for; lower source.shot')
            chosen += sorted(rng.permutation(own)[:shot].tolist())
        self.chosen = chosen


@TASKS.register_module()
class FewShot(PointClassify):
    """Trains and scores a PointClassifier on every fold, each in `fold<k>/` of the run directory.

    Args:
        folds: how many; fold k sets `fold=k` wherever the sources of a config have that argument. 10 as published.
        votes: as in PointClassify.

    The scores are means over folds of the last epoch, `<name>_std` the standard deviation with n - 1; published figures
    take the best epoch of each fold on its test part. A fold that is finished is not run again; one of another
    checkpoint, config or seed is a UserError, as for any run directory.
    """

    def __init__(self, folds: int = 10, votes: dict | None = None):
        super().__init__(votes)
        if folds < 1:
            raise ConfigError(f'task.folds is {folds}; at least one')
        self.folds = folds

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        setting = self.prepare(cfg, request, config_hash)
        found: list[dict[str, float]] = []
        result: Result | None = None
        for fold in range(self.folds):
            own = copy.deepcopy(cfg)
            own.task = {'type': 'PointClassify', **({'votes': self.votes} if self.votes else {})}
            if not _set_fold(own, fold):
                raise ConfigError('no source of the config has a fold; use FewShotFold or Shots')
            place = replace(request, work_dir=request.work_dir / f'fold{fold}')
            digest = hash_recipe(own)
            if (place.work_dir / FILE).exists() and not request.force:
                result = finished_result(place, digest, setting.seed)
            else:
                result = super().run(own, place, digest)
            found.append(result.scores)
        scores: dict[str, float] = {}
        for name in found[0]:
            values = [fold_scores[name] for fold_scores in found]
            scores[name] = float(np.mean(values))
            if len(values) > 1:
                scores[f'{name}_std'] = float(np.std(values, ddof=1))
        assert result is not None
        facts = {'derived': result.derived, 'effective_batch': result.effective_batch, 'world_size': result.world_size}
        setting.notes.append(f'mean over {self.folds} folds, each in its own folder')
        return setting.record(
            Scores(scores), result.load_report, result.start.sha256, write=is_main(), cost=setting.meter.read(), **facts
        )


def _set_fold(cfg: Config, fold: int) -> bool:
    """Give every source with folds the number of this one; whether there was any."""
    found = False
    for part in ('train', 'val'):
        source = cfg[f'{part}_dataloader']['dataset'].get('source', {})
        while isinstance(source, Mapping):
            if source.get('type') in ('FewShotFold', 'Shots'):
                source['fold'] = fold  # type: ignore[index]
                found = True
            source = source.get('source')
    return found

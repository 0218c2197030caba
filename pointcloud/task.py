"""How point configs are read; the task that trains a classifier, k-NN and proxies."""

from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from pointcloud.datasets import PointDataset
from pointcloud.metrics import CloudAccuracy
from pretrain.checkpoint.initial import Initial
from pretrain.checkpoint.nets import meta_net
from pretrain.checkpoint.to_points import point_args
from pretrain.data.locate import keep_arguments
from pretrain.data.parts import LabelledData, labelled_data
from pretrain.engine.knn import NearestNeighbours
from pretrain.engine.proxies import FeatureProxies
from pretrain.engine.setting import Setting
from pretrain.engine.task import TrainTask, TransferTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError
from pretrain.registry import TASKS


def put_source(dataset: dict, path: str, part: str) -> None:
    """Let a data set's config read another path.

    Sources that choose from another one (HeldOut, Shots) stay, and so do a source's further arguments, as its part.
    """
    around = dataset
    while isinstance(around.get('source'), dict) and 'source' in around['source']:
        around = around['source']
    if around.get('source', {}).get('type') == 'FewShotFold':
        around['source']['root'] = path
    else:
        around['source'] = keep_arguments(around.get('source') or {}, PointDataset.locate([path], part))


class PointTask(TransferTask):
    """Clouds of PointDataset, and an encoder under `model.encoder`."""

    part = 'encoder'

    def set_data(self, cfg: Config, request: Request) -> None:
        for part, path in (('train', request.data), ('val', request.val)):
            if path:
                put_source(cfg[f'{part}_dataloader']['dataset'], path, part)

    def read_data(self, cfg: Config) -> LabelledData:
        data = labelled_data(cfg, 'clouds')
        cfg.model.num_classes = data.num_classes
        return data

    def prepare(self, cfg: Config, request: Request, config_hash: str) -> Setting:
        setting = super().prepare(cfg, request, config_hash)
        check_least(setting)
        setting.notes.append(conditions(setting.cfg))
        for part in (setting.data.train, setting.data.val):
            setting.notes += getattr(part.source, 'notes', [])
        return setting

    def fill(self, cfg: Config) -> None:
        cfg.model.num_classes = cfg.model.get('num_classes') or 2

    def image(self, cfg: Config):
        return 3, (cfg.model.get('num_points', 1024),)

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        """Coordinates are not normalised with statistics, so what the card says of pixels goes nowhere."""
        return {}, 1.0

    def send_through(self, model: nn.Module, channels: int, size: Any) -> None:
        model.predict({'points': torch.zeros(2, *size, channels), 'label': torch.zeros(2, dtype=torch.long)})


def check_least(setting: Setting) -> None:
    """ConfigError where a data set would let through clouds with fewer points than one group has."""
    size = setting.cfg.model.encoder.get('group_size') or meta_net(*point_args(setting.card)).group_size
    size = size if isinstance(size, int) else size[0]  # of a pyramid the finest groups are those of points
    for name, part in (('train', setting.data.train), ('val', setting.data.val)):
        if part.least < size:
            raise ConfigError(
                f'{name}_dataloader.dataset.least is {part.least}, but a group has {size} points; set least={size}'
            )


def conditions(cfg: Config) -> str:
    """What a reader of a score must know, in one line: points, augmentation, votes, choice of epoch."""
    transform = cfg.train_dataloader.dataset.transform
    drawn = [name for name in ('scale', 'translate', 'rotate') if transform.get(name)]
    hooks = [hook['type'] for hook in cfg.get('custom_hooks') or ()]
    trains = 'train_cfg' in cfg
    epoch = 'best epoch on held-out training clouds' if 'SelectHook' in hooks else 'last epoch'
    votes = cfg.task.get('votes')
    return '; '.join(
        [
            f'{cfg.model.get("num_points", 1024)} points',
            f'augmentation: {" and ".join(drawn) or "none"}' if trains else 'frozen',
            f'votes: one round of {votes["count"]}' if votes else 'no votes',
            *([epoch] if trains else []),
        ]
    )


@TASKS.register_module()
class PointClassify(PointTask, TrainTask):
    """Trains a PointClassifier and scores it on `val_dataloader`.

    Args:
        votes: None, or `dict(count=10, scale=..., translate=...)`; see CloudAccuracy.
    """

    def __init__(self, votes: dict | None = None):
        self.votes = dict(votes) if votes else None

    def initial(self, model: nn.Module) -> Initial:
        return model.initial

    def metric(self, dataset: Any, model: nn.Module) -> CloudAccuracy:
        return CloudAccuracy(len(dataset), model.num_classes, dataset.classes, self.votes)


@TASKS.register_module()
class KNNPoints(NearestNeighbours, PointTask):
    """k-NN on features of FrozenPoints."""


@TASKS.register_module()
class PointProxies(FeatureProxies, PointTask):
    """Proxies of FrozenPoints; what `augment` does not name is as in the transform that the features are of."""

    def view_transform(self, plain: dict[str, Any], model: Any) -> dict[str, Any]:
        return {**plain, **self.augment}

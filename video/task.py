"""How configs of action recognition are read; the task that trains a classifier, k-NN and proxies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from pretrain.checkpoint.card import Card
from pretrain.checkpoint.initial import Initial
from pretrain.data.parts import LabelledData
from pretrain.engine.knn import NearestNeighbours
from pretrain.engine.proxies import FeatureProxies
from pretrain.engine.task import TrainTask, TransferTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError
from pretrain.registry import TASKS
from video.data import labelled_clips
from video.dataset import ClipDataset
from video.locate import clip_source
from video.metrics import ClipMetrics
from video.pictures import write_pictures


class ClipTask(TransferTask):
    """Labelled videos of ClipDataset, and an encoder of clips under `model.encoder`.

    Args:
        dataset: whose protocol the config must follow (`video.data.PROTOCOLS`); None for any other set.
        folds, fold, split_seed: how `--data` splits a table of clips by group when there is no `--val`.
    """

    part = 'encoder'

    def __init__(self, dataset: str | None = None, folds: int = 5, fold: int = 0, split_seed: int = 0):
        self.dataset = dataset
        self.split = {'folds': folds, 'fold': fold, 'seed': split_seed}

    def set_data(self, cfg: Config, request: Request) -> None:
        if request.card:
            raise ConfigError('--card: videos are read as RGB; set model.mean and model.std')
        if request.val and not request.data:
            raise ConfigError('--val needs --data, the training videos')
        if not request.data:
            return
        for part, path in (('train', request.data), ('val', request.val or request.data)):
            source = clip_source(path, part, split=not request.val)
            if source['type'] == 'ClipTable' and not request.val:
                source |= self.split
            loader = cfg.setdefault(f'{part}_dataloader', {})
            loader.setdefault('dataset', {})['source'] = source
        if self.dataset is None:
            cfg.model.num_classes = None

    def read_data(self, cfg: Config) -> LabelledData:
        data = labelled_clips(cfg, self.dataset)
        cfg.model.num_classes = data.num_classes
        return data

    def fit_model(self, cfg: Config, card: Card) -> None:
        if len(card.patch) != 3:
            raise ConfigError(f'model.encoder.arch is {card.arch}, which takes images; name one of vit3d')

    def fill(self, cfg: Config) -> None:
        cfg.model.num_classes = cfg.model.get('num_classes') or 2

    def image(self, cfg: Config) -> tuple[int, Sequence[int]]:
        return cfg.model.get('channels', 3), tuple(cfg.model.get('image_size', (16, 224, 224)))

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        return cfg.model, 1.0

    def send_through(self, model: nn.Module, channels: int, size: Any) -> None:
        model.predict({'image': torch.empty(1, channels, *size)})


@TASKS.register_module()
class KNNClips(NearestNeighbours, ClipTask):
    """k-NN on features of a FrozenEncoder, the mean over the views of a video."""


@TASKS.register_module()
class ClipProxies(FeatureProxies, ClipTask):
    """Proxies of a FrozenEncoder, the mean over the views of a video; each of LiDAR's views has frames of its own.

    Args:
        augment: a training transform of clips that takes a `size`.
    """

    def view_transform(self, plain: dict[str, Any], model: Any) -> dict[str, Any]:
        return {**self.augment, 'size': model.image_size[-1]}


@TASKS.register_module()
class ClassifyClips(ClipTask, TrainTask):
    """Trains `model` (a ClipClassifier) and scores it on `val_dataloader`, all views of a video averaged.

    Args:
        pictures: how many validation videos are drawn with their predictions.
        data: arguments of ClipTask.
    """

    def __init__(self, pictures: int = 6, **data):
        super().__init__(**data)
        self.num_pictures = pictures

    def initial(self, model: nn.Module) -> Initial:
        return model.initial

    def metric(self, dataset: ClipDataset, model: nn.Module) -> ClipMetrics:
        return ClipMetrics(len(dataset), model.num_classes, dataset.classes)

    def pictures(self, folder: Path, dataset: ClipDataset, model: nn.Module) -> None:
        write_pictures(folder, dataset, model, self.num_pictures)

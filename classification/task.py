"""How classification configs are read; the task that trains (fine-tuning, MAE's linear probe), k-NN and proxies."""

from typing import Any

from mmengine.config import Config
from torch import nn

from classification.data import labelled_images
from pretrain.checkpoint.initial import Initial
from pretrain.data.card import load_card, use_card
from pretrain.data.dataset import ImageDataset
from pretrain.data.locate import source_config
from pretrain.data.parts import LabelledData
from pretrain.engine.accuracy import ClassMetrics
from pretrain.engine.knn import NearestNeighbours
from pretrain.engine.proxies import FeatureProxies
from pretrain.engine.task import TrainTask, TransferTask
from pretrain.engine.transfer import Request
from pretrain.registry import TASKS


class ClassificationTask(TransferTask):
    """Labelled images of `ImageDataset`, and an encoder under `model.encoder`."""

    part = 'encoder'

    def set_data(self, cfg: Config, request: Request) -> None:
        card = load_card(request.card) if request.card else None
        for part, path in (('train', request.data), ('val', request.val)):
            if path:
                loader = cfg.setdefault(f'{part}_dataloader', {})
                loader.setdefault('dataset', {})['source'] = source_config(path, part)
            if card:
                use_card(cfg, card, f'{part}_dataloader')

    def read_data(self, cfg: Config) -> LabelledData:
        data = labelled_images(cfg)
        cfg.model.num_classes = data.num_classes
        return data

    def fill(self, cfg: Config) -> None:
        cfg.model.num_classes = cfg.model.get('num_classes') or 2

    def image(self, cfg: Config):
        return cfg.model.get('channels', 3), cfg.model.get('image_size', 224)

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        return cfg.model, 1.0


@TASKS.register_module()
class Classify(ClassificationTask, TrainTask):
    """Trains `model` (a Classifier or a LinearProbe) and scores it on `val_dataloader`."""

    def initial(self, model: nn.Module) -> Initial:
        return model.initial

    def metric(self, dataset: ImageDataset, model: nn.Module) -> ClassMetrics:
        return ClassMetrics(len(dataset), model.num_classes, dataset.classes)


@TASKS.register_module()
class KNN(NearestNeighbours, ClassificationTask):
    """k-NN on features of a FrozenEncoder."""


@TASKS.register_module()
class Proxies(FeatureProxies, ClassificationTask):
    """Proxies of a FrozenEncoder; `augment` is a transform of images that takes a `size`."""

    def view_transform(self, plain: dict[str, Any], model: Any) -> dict[str, Any]:
        return {**self.augment, 'size': model.image_size}

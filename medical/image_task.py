"""How the configs of image classification are read; the task that trains a classifier, and k-NN."""

from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from medical.auc import FindingMetric, VoteMetric
from medical.findings import patients, source_of
from pretrain.checkpoint.initial import Initial
from pretrain.data.card import load_card, use_card
from pretrain.data.dataset import ImageDataset
from pretrain.data.parts import PARTS, LabelledData, labelled_data
from pretrain.engine.knn import NearestNeighbours
from pretrain.engine.task import TrainTask, TransferTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError, DataError
from pretrain.registry import TASKS


class FindingTask(TransferTask):
    """Labelled images of `ImageDataset`, classes or findings, and an encoder under `model.encoder`."""

    part = 'encoder'

    def set_data(self, cfg: Config, request: Request) -> None:
        card = load_card(request.card) if request.card else None
        for part, path in (('train', request.data), ('val', request.val or request.data)):
            if path:
                found = source_of(path, part)
                if part == 'val' and not request.val and found['type'] != 'FindingArray':
                    raise ConfigError('--data names the training images; name those for validation with --val')
                before = cfg[f'{part}_dataloader'].dataset.get('source', {})
                kept = {k: v for k, v in before.items() if before.get('type') == found['type'] and k != 'root'}
                # A config that scores the test part of an array file goes on doing so.
                found = {k: v for k, v in found.items() if k != 'part' or 'part' not in kept}
                cfg[f'{part}_dataloader'].dataset.source = {**kept, **found}
            if card:
                use_card(cfg, card, f'{part}_dataloader')

    def read_data(self, cfg: Config) -> LabelledData:
        data = labelled_data({**cfg, 'model': {}}, 'images')
        channels = cfg.model.get('channels', 1)
        kinds = [getattr(dataset.source, 'multi_label', False) for dataset in (data.train, data.val)]
        if kinds[0] != kinds[1]:
            raise DataError('one of training and validation data has several findings per image, the other one class')
        _check_apart(data.train.source, data.val.source)
        for part in PARTS:
            found = getattr(data, part).channels
            if found != channels:
                raise ConfigError(
                    f'{part}_dataloader.dataset.channels is {found}, model.channels {channels}; make them equal'
                )
        cfg.model.num_classes = data.num_classes
        self.set_kind(cfg, kinds[0])
        return data

    def set_kind(self, cfg: Config, multi_label: bool) -> None:
        """Tell the model whether labels are several findings per image or one class."""
        raise NotImplementedError

    def image(self, cfg: Config):
        return cfg.model.get('channels', 1), cfg.model.get('image_size', 224)

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        return cfg.model, 1.0

    def fill(self, cfg: Config) -> None:
        cfg.model.num_classes = cfg.model.get('num_classes') or 2

    def send_through(self, model: nn.Module, channels: int, size) -> None:
        sides = (size, size) if isinstance(size, int) else tuple(size)
        model.predict({'image': torch.empty(2, channels, *sides)})


@TASKS.register_module()
class KNNFindings(NearestNeighbours, FindingTask):
    """k-NN on features of a FrozenEncoder; of images with one class each."""

    def set_kind(self, cfg: Config, multi_label: bool) -> None:
        if multi_label:
            raise ConfigError('k-NN votes for one class, but these images have several findings each; take a probe')

    def of_votes(self, data: LabelledData) -> FindingMetric:
        return VoteMetric(data.val, _classes(data.val, data.num_classes), multi_label=False)


@TASKS.register_module()
class ClassifyFindings(FindingTask, TrainTask):
    """Trains `model` (a FindingClassifier) and scores it on `val_dataloader` after the last update."""

    def set_kind(self, cfg: Config, multi_label: bool) -> None:
        cfg.model.multi_label = multi_label

    def initial(self, model: nn.Module) -> Initial:
        return model.initial

    def metric(self, dataset: ImageDataset, model: nn.Module) -> FindingMetric:
        return FindingMetric(dataset, _classes(dataset, model.num_classes), model.multi_label)


def _classes(dataset: ImageDataset, num_classes: int) -> list[str]:
    return dataset.classes or [str(i) for i in range(num_classes)]


def _check_apart(train: Any, val: Any) -> None:
    """Raise DataError for a patient whose images are in both parts; `labelled_data` looks for common images."""
    found = patients(train) & patients(val)
    if found:
        raise DataError(
            f'{len(found):,} patients are in training and validation data, for example {min(found)!r}; give lists '
            'without a common one'
        )

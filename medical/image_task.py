"""How the configs of image classification are read, trained and scored."""

import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from medical.auc import FindingMetric
from medical.findings import source_of
from pretrain.checkpoint.initial import Initial
from pretrain.data.build import build_dataset
from pretrain.data.card import load_card, use_card
from pretrain.data.dataset import ImageDataset
from pretrain.data.parts import check_same_classes, dataset_settings
from pretrain.engine.task import TrainTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError, DataError
from pretrain.registry import TASKS


@dataclass
class FindingData:
    """Train and validation set with the same classes or findings."""

    train: ImageDataset
    val: ImageDataset
    classes: list[str]
    multi_label: bool
    identity: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {'train': len(self.train), 'val': len(self.val)}

    def __str__(self) -> str:
        what = 'findings' if self.multi_label else 'classes'
        return f'{len(self.train):,} training and {len(self.val):,} validation images of {len(self.classes)} {what}'


@TASKS.register_module()
class ClassifyFindings(TrainTask):
    """Trains `model` (a FindingClassifier) and scores it on `val_dataloader` after the last update."""

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
                cfg[f'{part}_dataloader'].dataset.source = {**kept, **found}
            if card:
                use_card(cfg, card, f'{part}_dataloader')

    def read_data(self, cfg: Config) -> FindingData:
        sets: dict[str, ImageDataset] = {}
        for part, settings in dataset_settings(cfg):
            if not settings.get('labels'):
                raise ConfigError(f'{part}_dataloader.dataset.labels is not True; classification needs labels')
            sets[part] = build_dataset(settings)
            if sets[part].channels != cfg.model.get('channels', 1):
                raise ConfigError(
                    f'{part}_dataloader.dataset.channels is {sets[part].channels}, model.channels '
                    f'{cfg.model.get("channels", 1)}; make them equal'
                )
        train, val = sets['train'], sets['val']
        kinds = [getattr(part.source, 'multi_label', False) for part in sets.values()]
        if kinds[0] != kinds[1]:
            raise DataError('one of training and validation data has several findings per image, the other one class')
        names = {train.source.name(i) for i in range(len(train))}
        shared = sorted(names & {val.source.name(i) for i in range(len(val))})
        if shared:
            raise DataError(f'{len(shared)} images are in training and validation data, the first: {shared[0]}')
        classes = _classes(train, val)
        cfg.model.num_classes, cfg.model.multi_label = len(classes), kinds[0]
        identity = {part: _identity(dataset) for part, dataset in sets.items()}
        return FindingData(train, val, classes, kinds[0], identity)

    def image(self, cfg: Config):
        return cfg.model.get('channels', 1), cfg.model.get('image_size', 224)

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        return cfg.model, 1.0

    def fill(self, cfg: Config) -> None:
        cfg.model.num_classes = cfg.model.get('num_classes') or 2

    def send_through(self, model: nn.Module, channels: int, size) -> None:
        sides = (size, size) if isinstance(size, int) else tuple(size)
        model.predict({'image': torch.empty(2, channels, *sides)})

    def initial(self, model: nn.Module) -> Initial:
        return model.initial

    def metric(self, dataset: ImageDataset, model: nn.Module) -> FindingMetric:
        classes = dataset.classes or [str(i) for i in range(model.num_classes)]
        return FindingMetric(dataset, classes, model.multi_label)


def _classes(train: ImageDataset, val: ImageDataset) -> list[str]:
    """Names in label order; numbers where the data have none."""
    if train.classes and val.classes:
        check_same_classes(train.classes, val.classes)
        return list(train.classes)
    highest = [max(part.source.label(i) for i in range(len(part))) for part in (train, val)]
    if highest[1] > highest[0]:
        raise DataError(f'validation labels go up to {highest[1]}, training labels to {highest[0]} only')
    return [str(i) for i in range(highest[0] + 1)]


def _identity(dataset: ImageDataset) -> dict[str, Any]:
    """Number of images and sha256 over their names, below their common folder, labels and findings."""
    source = dataset.source
    names = [source.name(i) for i in range(len(source))]
    root = os.path.commonpath([os.path.dirname(names[0]), os.path.dirname(names[-1])])
    digest = hashlib.sha256(repr(source.classes).encode())
    for i, name in enumerate(names):
        label = source.label(i)
        shown = label if isinstance(label, int) else label.tolist()
        digest.update(f'{os.path.relpath(name, root) if root else name}\0{shown}\n'.encode(errors='replace'))
    return {'images': len(names), 'sha256': digest.hexdigest()}

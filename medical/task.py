"""How the configs of volumetric segmentation are read, trained and scored."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from medical.datasets import VolumeDataset
from medical.lists import list_file, same_cases
from medical.metrics import GRIDS, OrganMetric
from medical.pictures import write_pictures
from medical.segmenter import region_indices
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.initial import Initial
from pretrain.data.build import build_dataset
from pretrain.data.parts import PARTS, check_same_classes, dataset_settings
from pretrain.engine.task import TrainTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError, DataError
from pretrain.registry import TASKS


@dataclass
class VolumeData:
    """Train and validation set with the same classes.

    Attributes:
        identity: of each part the number of volumes, and sha256 over their names, the sizes of their labels and what
            ids mean: the hash of the split and of the list of organs; and the grid that scores are computed on.
    """

    train: VolumeDataset
    val: VolumeDataset
    classes: list[str]
    identity: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {'train': len(self.train.source), 'val': len(self.val.source)}

    def __str__(self) -> str:
        counts, organs = self.counts(), self.classes[1:]
        return f'{counts["train"]:,} training and {counts["val"]:,} validation volumes of {", ".join(organs)}'


@TASKS.register_module()
class SegmentVolumes(TrainTask):
    """Trains `model` (a VolumeSegmenter) and scores it on `val_dataloader` after the last update.

    Args:
        groups: `{name: [organs]}` whose mean scores are reported beside those of all organs.
        distances: compute HD95, too.
        grid: 'stored': Dice and HD95 count voxels of the files, whatever the preparation; 'prepared': those that the
            network sees, as most published code does: resampled, and without what the preparation cuts away.
        pictures: how many validation volumes are drawn beside truth and prediction.
    """

    part = 'encoder'

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]] | None = None,
        distances: bool = True,
        grid: str = 'stored',
        pictures: int = 4,
    ):
        if grid not in GRIDS:
            raise ConfigError(f'task.grid is {grid!r}; allowed: {", ".join(map(repr, GRIDS))}')
        self.groups, self.distances, self.grid, self.num_pictures = groups, distances, grid, pictures

    def set_data(self, cfg: Config, request: Request) -> None:
        if request.card:
            raise ConfigError('--card: volumes are scaled by dataset.prepare; set model.mean and .std')
        if request.val and not request.data:
            raise ConfigError('--val needs --data, the list of the training volumes')
        if request.data:
            for part in PARTS:
                source = cfg[f'{part}_dataloader'].dataset.source
                source.file = str(list_file(request.val if part == 'val' and request.val else request.data))
                source.pop('root', None)

    def read_data(self, cfg: Config) -> VolumeData:
        share_settings(*(settings for _, settings in dataset_settings(cfg)))
        cfg.val_dataloader.dataset.stored = self.grid == 'stored'
        sets: dict[str, VolumeDataset] = {}
        for part, settings in dataset_settings(cfg):
            if not settings.get('labels'):
                raise ConfigError(f'{part}_dataloader.dataset.labels is not True; segmentation needs labels')
            sets[part] = build_dataset(settings)
            if sets[part].classes is None:
                raise DataError(
                    f'{sets[part].source.file} has no "labels"; write {{"0": "background", "1": "spleen"}} into '
                    'it, or dataset.source.names into the config'
                )
        train, val = sets['train'], sets['val']
        if train.source.ids != val.source.ids:
            raise DataError(f'training labels have ids {train.source.ids}, validation labels {val.source.ids}')
        check_same_classes(train.classes, val.classes)
        shared = same_cases(train.source.cases, val.source.cases)
        if shared:
            raise DataError(f'{len(shared)} volumes are in training and validation data, the first: {shared[0]}')
        if val.crops != 1:
            raise ConfigError(f'val_dataloader.dataset.crops is {val.crops}; volumes are evaluated whole: leave it out')
        self._check_crops(cfg, train)
        cfg.model.classes = train.classes
        if cfg.model.get('regions'):
            region_indices(cfg.model.regions, train.classes)
        identity = {**{part: _identity(dataset) for part, dataset in sets.items()}, 'grid': self.grid}
        notes = [f'Dice and HD95 are those of the {self.grid} voxels']
        listed, used = train.source.listed, train.classes
        renamed = [f'{a} is called {b}' for a, b in zip(listed or used, used, strict=True) if a != b]
        notes += [f'names of the config: {", ".join(renamed)}'] if renamed else []
        return VolumeData(train, val, used, identity, notes)

    def _check_crops(self, cfg: Config, train: VolumeDataset) -> None:
        size = tuple(cfg.model.get('image_size', (96, 96, 96)))
        if train.crop is None or train.crop.size != size:
            found = None if train.crop is None else train.crop.size
            raise ConfigError(
                f'train_dataloader.dataset.crop.size is {found}, model.image_size {size}; make them equal'
            )

    def image(self, cfg: Config):
        return cfg.model.get('channels', 1), tuple(cfg.model.get('image_size', (96, 96, 96)))

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        return cfg.model, 1.0

    def fit_model(self, cfg: Config, card: Card) -> None:
        if len(card.patch) != 3:
            raise ConfigError(
                f'{card.arch} is an encoder of images, this needs one of three axes; to inflate it set '
                "model.encoder.inflate=dict(patch=16, position='sincos-3d')"
            )

    def fill(self, cfg: Config) -> None:
        regions = cfg.model.get('regions')
        named = sorted({name for names in regions.values() for name in names}) if regions else ['one', 'two']
        cfg.model.classes = cfg.model.get('classes') or ['background', *named]

    def send_through(self, model: nn.Module, channels: int, size: int | Sequence[int]) -> None:
        model.network(torch.empty(1, channels, *size))

    def initial(self, model: nn.Module) -> Initial:
        return model.initial

    def metric(self, dataset: VolumeDataset, model: nn.Module) -> OrganMetric:
        return OrganMetric(dataset, model.organs, self.groups, self.distances, self.grid)

    def pictures(self, folder: Path, dataset: VolumeDataset, model: nn.Module) -> None:
        write_pictures(folder, dataset, model, self.num_pictures)


def share_settings(train: dict, val: dict) -> None:
    """Give the validation set the preparation and the names of the training set, where it has none.

    Raises ConfigError where it has others: the network would be scored on inputs or classes that it was not trained on.
    """
    for name, ours, theirs in (('prepare', train, val), ('source.names', train['source'], val['source'])):
        key = name.rpartition('.')[2]
        if key not in ours:
            continue
        found = theirs.setdefault(key, ours[key])
        if found != ours[key]:
            raise ConfigError(
                f'val_dataloader.dataset.{name} is {found}, that of the training set {ours[key]}; leave the former out'
            )


def _identity(dataset: VolumeDataset) -> dict[str, Any]:
    source = dataset.source
    digest = hashlib.sha256(repr((source.ids, source.classes)).encode())
    for case in source.cases:
        try:
            size = os.stat(case.label).st_size if case.label else None
        except OSError as error:
            raise DataError(f'label {case.label!r} does not exist; correct the list, or the folder') from error
        names = [os.path.relpath(name, source.root) for name in (*case.images, case.label) if name]
        digest.update(f'{names}\0{size}\n'.encode(errors='replace'))
    return {'volumes': len(source), 'sha256': digest.hexdigest()}

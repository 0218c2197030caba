"""The images and masks of a transfer: found, compared and checked before anything trains."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset

from pretrain.data.build import build_dataset
from pretrain.data.openmmlab import OpenMMLabSet
from pretrain.data.parts import PARTS, check_same_classes, dataset_settings
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS
from seg_mmsegmentation.checks import WORDS, check_files, check_folders, check_masks
from seg_mmsegmentation.transforms import LoadLabels

FOLDER = 'MaskFolder'
_KEPT = ('pipeline', 'ignore_index', 'reduce_zero_label', 'metainfo', 'indices')
"""Arguments that a plain folder takes over from the data set that it replaces."""


@dataclass
class SegmentationData:
    """Train and validation set with the same classes.

    Attributes:
        identity: of each part the number of images, and sha256 over their names, the sizes of their mask files and what
            labels mean.
        notes: on what may be a mistake.
    """

    train: OpenMMLabSet
    val: OpenMMLabSet
    classes: list[str]
    identity: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {'train': len(self.train), 'val': len(self.val)}

    def __str__(self) -> str:
        return f'{len(self.train):,} training and {len(self.val):,} validation images of {len(self.classes)} classes'


def set_folders(cfg: Config, request: Request) -> bool:
    """Write `request.data` and `val` into a config; whether plain folders took the place of a named data set.

    One folder is a root in the layout of the config's data set, or has train/ and val/ within. Two folders hold images
    and masks as `MaskFolder` says.
    """
    if not request.data:
        if request.val:
            raise ConfigError('--val needs --data, the folder of the training images and masks')
        return False
    roots = [Path(request.data), Path(request.val)] if request.val else None
    if roots is None:
        top = Path(request.data)
        if not top.is_dir():
            raise DataError(f'{top}: no such folder; it should hold the data set, or train/ and val/')
        named = _named_root(cfg, top)
        if named:
            for part in PARTS:
                cfg[f'{part}_dataloader'].dataset.data_root = str(named)
            return False
        roots = [top / part for part in PARTS]
        if not all(root.is_dir() for root in roots):
            raise DataError(f'{top}: {_expected(cfg)}; or name the folders of both parts with --data and --val')
    replaced = False
    for part, root in zip(PARTS, roots):
        dataset = cfg[f'{part}_dataloader'].dataset
        if dataset.type != FOLDER:
            replaced = True
            kept = {key: dataset[key] for key in _KEPT if key in dataset}
            cfg[f'{part}_dataloader'].dataset = dict(type=FOLDER, **kept)
        cfg[f'{part}_dataloader'].dataset.data_root = str(root)
    return replaced


def read_sets(cfg: Config) -> SegmentationData:
    """Build and check both sets of a config, and tell its pipelines what the labels mean.

    Raises DataError or ConfigError naming the file or key that is wrong.
    """
    sets: dict[str, OpenMMLabSet] = {}
    notes: list[str] = []
    identity: dict[str, Any] = {}
    for part, settings in dataset_settings(cfg):
        check_folders(settings, part)
        _fill_labels(settings, part)
        sets[part] = build_dataset(settings)
    classes = _same_classes(sets['train'], sets['val'])
    for part, dataset in sets.items():
        entries = [dataset.get_data_info(i) for i in range(len(dataset))]
        if not entries:
            raise DataError(f'{cfg[f"{part}_dataloader"].dataset.data_root}: no {WORDS[part]} images in it')
        identity[part] = _identity(entries, check_files(entries), classes)
        load = next(t for t in dataset.pipeline.transforms if isinstance(t, LoadLabels))
        notes += check_masks(dataset, load, part, decode=part == 'val')
    if sets['train'].name(0) == sets['val'].name(0) and len(sets['train']) == len(sets['val']):
        raise DataError('training and validation data are the same images; give others with --val')
    return SegmentationData(sets['train'], sets['val'], classes, identity, notes)


def class_names(dataset: Any) -> list[str]:
    """Of a data set, without the blanks that some lists have around them."""
    return [name.strip() for name in dataset.metainfo['classes']]


def labels_of(settings: dict) -> dict[str, Any]:
    """The arguments of `LoadLabels` for a data set: how many classes, and which labels do not count."""
    described = DATASETS.build({**settings, 'lazy_init': True, 'pipeline': []})
    if not isinstance(described, BaseSegDataset):
        raise ConfigError(
            f'data set {settings["type"]!r} is none of images and masks; use {FOLDER}, or one of MMSegmentation that '
            'derives from BaseSegDataset'
        )
    ignored = getattr(described, 'ignored', (described.ignore_index,))
    return {'num_classes': len(described.metainfo['classes']), 'ignore_index': list(ignored)}


def _fill_labels(settings: dict, part: str) -> None:
    steps = [step for step in settings['pipeline'] if step['type'] == 'LoadLabels']
    if len(steps) != 1 or settings['pipeline'][0]['type'] != 'LoadImage':
        raise ConfigError(
            f'{part}_dataloader.dataset.pipeline needs LoadImage first and one LoadLabels, which check what they read; '
            'LoadImageFromFile and LoadAnnotations do not'
        )
    steps[0].update(labels_of(settings))


def _named_root(cfg: Config, top: Path) -> Path | None:
    """The folder that has the layout of the config's data set: `top`, or that of the usual name within."""
    settings = [cfg[f'{part}_dataloader'].dataset for part in PARTS]
    if any(s.type == FOLDER for s in settings):
        return None
    for root in (top, top / Path(settings[0].data_root).name):
        if all((root / s.data_prefix.img_path).is_dir() for s in settings):
            return root
    return None


def _expected(cfg: Config) -> str:
    settings = cfg.train_dataloader.dataset
    plain = 'no train/ and val/ with images and masks in it'
    return plain if settings.type == FOLDER else f'no {settings.data_prefix.img_path} ({settings.type}) and {plain}'


def _same_classes(train: Any, val: Any) -> list[str]:
    names = class_names(train)
    check_same_classes(names, class_names(val))
    if len(names) < 2:
        raise DataError(f'the data has {len(names)} class; pixels of something else need a class too')
    return names


def _identity(entries: list[dict], sizes: list[int], classes: list[str]) -> dict[str, Any]:
    digest = hashlib.sha256(repr((classes, entries[0]['label_map'], entries[0]['reduce_zero_label'])).encode())
    names = [entry['img_path'] for entry in entries]
    root = os.path.commonpath([os.path.dirname(names[0]), os.path.dirname(names[-1])])
    for name, size in zip(names, sizes):
        digest.update(f'{os.path.relpath(name, root)}\0{size}\n'.encode(errors='replace'))
    return {'images': len(names), 'sha256': digest.hexdigest()}

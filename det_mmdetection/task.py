"""How detection configs are read, and the task that trains and scores a detector."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from det_mmdetection.fit import fit_to_backbone
from det_mmdetection.metrics import CocoMetric
from det_mmdetection.pictures import write_pictures
from det_mmdetection.precision import keep_boxes_in_fp32
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.initial import Initial
from pretrain.data.build import build_dataset
from pretrain.data.openmmlab import OpenMMLabSet
from pretrain.data.parts import PARTS, check_same_classes, dataset_settings
from pretrain.dense import built_size, outline
from pretrain.engine.task import TrainTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError, DataError
from pretrain.registry import TASKS


@dataclass
class DetectionData:
    """Training and validation set with the same classes."""

    train: OpenMMLabSet
    val: OpenMMLabSet

    @property
    def notes(self) -> list[str]:
        return self.train.notes + self.val.notes

    @property
    def identity(self) -> dict[str, Any]:
        """Number of images and sha256 of the annotation file of each part, wherever they lie."""
        return {name: {'images': len(part), 'sha256': part.sha256} for name, part in self.parts()}

    def parts(self) -> list[tuple[str, OpenMMLabSet]]:
        return [('train', self.train), ('val', self.val)]

    def counts(self) -> dict[str, int]:
        return {name: len(part) for name, part in self.parts()}

    def __str__(self) -> str:
        sets = ' and '.join(
            f'{len(part):,} {name} images ({part.num_objects:,} objects)' for name, part in self.parts()
        )
        return f'{sets} of {len(self.val.metainfo["classes"])} classes'


@TASKS.register_module()
class Detect(TrainTask):
    """Trains an MMDetection model on boxes, and masks if it has a mask head, and scores it as COCO or LVIS do.

    Args:
        style: 'coco' or 'lvis'.
        max_dets: numbers of detections that count, ascending; None for the style's own.
        pictures: validation images whose predictions are drawn when training is done.
    """

    part = 'backbone'

    def __init__(self, style: str = 'coco', max_dets: list[int] | None = None, pictures: int = 8):
        self.style, self.max_dets, self.number = style, max_dets, pictures

    def set_data(self, cfg: Config, request: Request) -> None:
        """`--data` is a folder in the config's layout or with one annotation file per part; or `--data` and `--val` are
        annotation files. Data of one's own brings its own classes."""
        if request.card:
            raise ConfigError('--card is for classification; detection normalises with the statistics of the weights')
        if request.val and not request.data:
            raise ConfigError('--val needs --data: both parts must have the same classes')
        if not request.data:
            return
        sets = dict(dataset_settings(cfg))
        root = Path(request.data)
        if root.is_dir() and not request.val:
            if all((root / sets[part].ann_file).is_file() for part in PARTS):
                for dataset in sets.values():
                    dataset.data_root = str(root)
                return
            files = {part: _only_annotations(root, part) for part in PARTS}
        else:
            files = {'train': root, 'val': Path(request.val or request.data)}
        for part, dataset in sets.items():
            path = files[part]
            dataset.update(ann_file=str(_only_annotations(path, part) if path.is_dir() else path), data_root='')
            dataset.pop('data_prefix', None)
        for head in _heads(cfg.model):
            head['num_classes'] = None

    def read_data(self, cfg: Config) -> DetectionData:
        masks = bool(_mask_head(cfg.model))
        for _, dataset in dataset_settings(cfg):
            dataset.masks = masks
            for transform in dataset.pipeline:
                if transform.type == 'LoadAnnotations':
                    transform.with_mask = masks
        data = DetectionData(*(build_dataset(settings) for _, settings in dataset_settings(cfg)))
        classes = data.train.metainfo['classes']
        check_same_classes(classes, data.val.metainfo['classes'])
        if data.train.sha256 == data.val.sha256:
            raise DataError('training and validation annotations are the same; give others with --val')
        for head in _heads(cfg.model):
            wanted = head.get('num_classes')
            if wanted is not None and wanted != len(classes):
                raise DataError(
                    f'the data has {len(classes)} classes, {head["type"]} of the config num_classes={wanted}; '
                    'one of them is wrong'
                )
            head['num_classes'] = len(classes)
        return data

    def image(self, cfg: Config):
        backbone = cfg.model.backbone
        return backbone.get('channels', 3), built_size(backbone.image_size, backbone.get('patch'))

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        return cfg.model.data_preprocessor, 255.0

    def fit_model(self, cfg: Config, card: Card) -> None:
        backbone = cfg.model.backbone
        channels, strides = outline(
            card, backbone.get('levels'), backbone.get('four_levels', False), backbone.get('patch')
        )
        fit_to_backbone(cfg.model, channels, strides)

    def fill(self, cfg: Config) -> None:
        for head in _heads(cfg.model):
            head['num_classes'] = head['num_classes'] or 2

    def send_through(self, model: nn.Module, channels: int, size: int | Sequence[int]) -> None:
        sides = (size, size) if isinstance(size, int) else tuple(size)
        maps = model.extract_feat(torch.empty(1, channels, *sides))
        if not model.with_rpn:
            model.bbox_head(maps)
            return
        levels = model.rpn_head(maps)[0]
        strides = model.rpn_head.prior_generator.strides
        if len(levels) != len(strides):
            raise ConfigError(f'rpn_head.anchor_generator.strides has {len(strides)} levels, the neck {len(levels)}')
        roi = model.roi_head
        for extractor, heads in ((roi.bbox_roi_extractor, roi.bbox_head), (roi.mask_roi_extractor, roi.mask_head)):
            extractors = list(extractor) if isinstance(extractor, nn.ModuleList) else [extractor]
            for one in extractors:
                if one.out_channels != maps[0].shape[1]:
                    raise ConfigError(
                        f'RoI extractor: out_channels {one.out_channels}, the maps have {maps[0].shape[1]}'
                    )
            for head in heads if isinstance(heads, nn.ModuleList) else [heads]:
                side = extractors[0].roi_layers[0].output_size[0]
                head(torch.empty(2, extractors[0].out_channels, side, side))

    def initial(self, model: nn.Module) -> Initial:
        return model.backbone.initial

    def adapt(self, model: nn.Module) -> None:
        keep_boxes_in_fp32(model)

    def metric(self, dataset: OpenMMLabSet, model: nn.Module) -> CocoMetric:
        masks = bool(getattr(model, 'with_mask', False))
        return CocoMetric(dataset, masks, max_dets=self.max_dets, style=self.style)

    def pictures(self, folder: Path, dataset: OpenMMLabSet, model: nn.Module) -> None:
        write_pictures(folder, dataset, model, self.number)


def _heads(model: Any) -> Iterator[dict]:
    """The parts of a model's config that predict classes: all that have `num_classes`."""
    if isinstance(model, dict):
        if 'num_classes' in model:
            yield model
        for value in model.values():
            yield from _heads(value)
    elif isinstance(model, (list, tuple)):
        for value in model:
            yield from _heads(value)


def _mask_head(model: dict) -> dict | None:
    return model.get('mask_head') or model.get('roi_head', {}).get('mask_head')


def _only_annotations(root: Path, part: str) -> Path:
    """The one annotation file of a part in a folder, or in its `annotations`."""
    folder = root / 'annotations' if (root / 'annotations').is_dir() else root
    found = sorted(folder.glob(f'*{part}*.json'))
    if len(found) != 1:
        names = ', '.join(path.name for path in found) or 'none'
        raise DataError(f'{folder}: one annotation file with {part!r} in its name is needed, there is {names}')
    return found[0]

"""How segmentation configs are read, trained and scored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from pretrain.checkpoint.card import Card
from pretrain.checkpoint.initial import Initial
from pretrain.dense import built_size, outline
from pretrain.engine.task import TrainTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError
from pretrain.registry import TASKS
from seg_mmsegmentation.data import SegmentationData, read_sets, set_folders
from seg_mmsegmentation.fit import check_sizes, check_test, fit_channels, fit_classes, heads
from seg_mmsegmentation.metrics import ConfusionMetric
from seg_mmsegmentation.pictures import write_pictures

FULL_SCALE = 255.0


@TASKS.register_module()
class Segment(TrainTask):
    """Trains `model` (MMSegmentation's EncoderDecoder over a MIMBackbone) and scores it on `val_dataloader`.

    Args:
        pictures: how many validation images are drawn beside truth and prediction.
    """

    part = 'backbone'

    def __init__(self, pictures: int = 4):
        self.num_pictures = pictures

    def set_data(self, cfg: Config, request: Request) -> None:
        if request.card:
            raise ConfigError('--card: segmentation reads RGB photographs; set model.data_preprocessor.mean and .std')
        if set_folders(cfg, request):
            for _, head in heads(cfg.model):  # those of the data set that was replaced
                head['num_classes'] = None

    def read_data(self, cfg: Config) -> SegmentationData:
        data = read_sets(cfg)
        fit_classes(cfg.model, len(data.classes))
        return data

    def image(self, cfg: Config):
        return 3, built_size(cfg.model.backbone.image_size, cfg.model.backbone.get('patch'))

    def statistics(self, cfg: Config) -> tuple[dict, float]:
        return cfg.model.data_preprocessor, FULL_SCALE

    def fit_model(self, cfg: Config, card: Card) -> None:
        backbone = cfg.model.backbone
        channels, _ = outline(card, backbone.get('levels'), backbone.get('four_levels', False))
        fit_channels(cfg.model, channels, card.arch)
        check_test(cfg)
        check_sizes(cfg, card)

    def fill(self, cfg: Config) -> None:
        for _, head in heads(cfg.model):
            head['num_classes'] = head.get('num_classes') or 3

    def send_through(self, model: nn.Module, channels: int, size: int | Sequence[int]) -> None:
        maps = model.extract_feat(torch.empty(1, channels, *((size, size) if isinstance(size, int) else size)))
        model.decode_head(maps)
        if model.with_auxiliary_head:
            model.auxiliary_head(maps)

    def initial(self, model: nn.Module) -> Initial:
        return model.backbone.initial

    def metric(self, dataset: Any, model: nn.Module) -> ConfusionMetric:
        return ConfusionMetric(dataset)

    def pictures(self, folder: Path, dataset: Any, model: nn.Module) -> None:
        write_pictures(folder, dataset, model, self.num_pictures)

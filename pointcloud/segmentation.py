"""Part segmentation: features of three depths, carried from the groups to every point (as in Point-MAE)."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from PIL import Image
from torch import Tensor, nn

from pointcloud.classifier import PointTransferModel
from pointcloud.metrics import PartIoU
from pointcloud.pictures import draw_clouds, part_colours
from pointcloud.task import PointTask
from pretrain.checkpoint.initial import Initial
from pretrain.data.loader import collate
from pretrain.data.parts import LabelledData
from pretrain.encoders.point_net import BatchNorm
from pretrain.engine.pictures import contact_sheet
from pretrain.engine.task import TrainTask
from pretrain.errors import ConfigError
from pretrain.points import gather_points, nearest_points
from pretrain.registry import MODELS, TASKS


def interpolate(points: Tensor, centres: Tensor, features: Tensor, count: int = 3) -> Tensor:
    """Features `(B, G, D)` of centres `(B, G, 3)` at the points `(B, N, 3)`: `(B, N, D)`.

    The mean of the three nearest centres' features, weighted by the inverse of the squared distance + 1e-8
    (PointNet++'s feature propagation).
    """
    distance, index = nearest_points(points, centres, min(count, centres.shape[1]))
    weight = 1 / (distance + 1e-8)
    weight = (weight / weight.sum(-1, keepdim=True)).to(features.dtype)
    return (gather_points(features, index) * weight.unsqueeze(-1)).sum(2)


def _convolution(inputs: int, outputs: int, *after: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, 1), BatchNorm(outputs), nn.ReLU(inplace=True), *after)


@MODELS.register_module()
class PartSegmenter(PointTransferModel):
    """A point network and a head that gives every point scores of all parts.

    Tokens after a third, two thirds and all of the blocks (4, 8 and 12 of 12), normed, are joined; their maximum and
    mean over groups and the category of the object, which is given, are the global feature. Source: Point-MAE
    segmentation/models/pt.py.

    Args:
        encoder: arguments of `initial_points`.
        num_classes: object categories; filled in from the data.
        num_parts: part numbers; filled in from the data.
        num_points: N.
    """

    def __init__(
        self, encoder: dict, num_classes: int | None = None, num_parts: int | None = None, num_points: int = 2048
    ):
        super().__init__(encoder, num_points, class_token=False)
        if not num_classes or not num_parts:
            raise ConfigError(f'model.num_classes is {num_classes}, num_parts {num_parts}; the data fills them in')
        self.num_classes, self.num_parts = num_classes, num_parts
        depth, width = len(self.net.blocks), self.net.embed_dim
        self.take = sorted({depth * i // 3 - 1 for i in (1, 2, 3)} - {-1})
        joined = width * len(self.take)
        self.category = nn.Sequential(
            nn.Conv1d(num_classes, 64, 1, bias=False), BatchNorm(64), nn.LeakyReLU(0.2, inplace=True)
        )
        self.propagation = nn.Sequential(_convolution(joined + 3, 4 * width), _convolution(4 * width, 1024))
        self.head = nn.Sequential(
            _convolution(1024 + 2 * joined + 64, 512, nn.Dropout(0.5)),
            _convolution(512, 256),
            nn.Conv1d(256, num_parts, 1),
        )

    def scores(self, points: Tensor, label: Tensor) -> Tensor:
        """`(B, N, 3)` and categories `(B,)` to `(B, N, parts)`."""
        groups = self.net.group(points)
        _, levels = self.net.encode(*self.net.prepend_class(*self.net.embed(groups)), take=self.take)
        tokens = torch.cat([x[:, self.net.num_prefix_tokens :] for x in levels], dim=-1)
        one_hot = F.one_hot(label, self.num_classes).to(tokens.dtype).unsqueeze(-1)
        whole = torch.cat([tokens.amax(1), tokens.mean(1), self.category(one_hot).squeeze(-1)], dim=1)
        near = torch.cat([points, interpolate(points, groups.centres, tokens)], dim=-1).transpose(1, 2)
        local = self.propagation(near)
        x = torch.cat([local, whole.unsqueeze(-1).expand(-1, -1, local.shape[-1])], dim=1)
        return self.head(x).transpose(1, 2)

    def loss(self, batch: dict) -> dict[str, Tensor]:
        scores = self.scores(batch['points'], batch['label']).float()
        loss = F.cross_entropy(scores.flatten(0, 1), batch['parts'].flatten())
        return {'loss': loss, 'accuracy': (scores.argmax(-1) == batch['parts']).float().mean().detach()}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        return {'logits': self.scores(batch['points'], batch['label'])}


@TASKS.register_module()
class PartSegmentation(PointTask, TrainTask):
    """Trains a PartSegmenter and scores it on `val_dataloader`."""

    def read_data(self, cfg: Config) -> LabelledData:
        data = super().read_data(cfg)
        for name, part in (('train', data.train), ('val', data.val)):
            if not part.has_parts:
                raise ConfigError(f'{name}_dataloader.dataset.source has no parts; use a ShapeNetPart')
        cfg.model.num_parts = data.train.source.num_parts
        return data

    def fill(self, cfg: Config) -> None:
        cfg.model.num_classes = cfg.model.get('num_classes') or 16
        cfg.model.num_parts = cfg.model.get('num_parts') or 50

    def initial(self, model: nn.Module) -> Initial:
        return model.initial

    def metric(self, dataset: Any, model: nn.Module) -> PartIoU:
        return PartIoU(len(dataset), dataset.source.parts, dataset.classes)

    def pictures(self, folder: Path, dataset: Any, model: nn.Module) -> None:
        """`parts.png`: true and predicted parts of eight clouds spread over the set."""
        batch = collate([dataset[i * len(dataset) // 8] for i in range(8)] if len(dataset) >= 8 else [dataset[0]])
        model.eval()
        batch = model.data_preprocessor(batch)
        scores = model.predict(batch)['logits']
        allowed = torch.full_like(scores[:, 0], -torch.inf)
        for row, label in zip(allowed, batch['label'].tolist(), strict=True):
            row[dataset.source.parts[label]] = 0
        predicted = (scores + allowed.unsqueeze(1)).argmax(-1)
        points = batch['points']
        columns = {
            name: draw_clouds(points, points, colours=part_colours(parts), up=batch['up'])
            for name, parts in (('truth', batch['parts']), ('prediction', predicted))
        }
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(contact_sheet(columns)).save(folder / 'parts.png')

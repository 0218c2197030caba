"""Classification of clouds: a point network, its class token beside its maximum, and a small MLP (Point-MAE)."""

import itertools
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointcloud.initial import initial_points
from pointcloud.model import PointPreprocessor
from pretrain.classifier import check_classes
from pretrain.encoders.layers import Layers
from pretrain.encoders.point_net import BatchNorm
from pretrain.errors import ConfigError
from pretrain.model import TrainableModel
from pretrain.registry import MODELS


def class_head(
    width: int, num_classes: int, hidden: Sequence[int] = (256, 256), norm: bool = True, dropout: float = 0.5
) -> nn.Sequential:
    """`width`-256-256-classes with batch norm, ReLU and dropout (Point-MAE's `cls_head_finetune`).

    Args:
        hidden: widths between; MaskPoint has one of 256.
        norm: batch norm before each ReLU; MaskPoint has none.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise((width, *hidden)):
        layers += [nn.Linear(inputs, outputs), *([BatchNorm(outputs)] if norm else [])]
        layers += [nn.ReLU(inplace=True), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear((width, *hidden)[-1], num_classes))


class PointTransferModel(TrainableModel):
    """What a point task trains: it knows what it started from.

    Attributes:
        initial: card, audit and sha256 of the start; its `net` is the network that trains.
    """

    def __init__(self, encoder: dict, num_points: int, class_token: bool = True):
        super().__init__((num_points,), 3, (0.0,) * 3, (1.0,) * 3)
        self.data_preprocessor = PointPreprocessor()
        self.num_points = num_points
        self.initial = initial_points(num_points, **encoder)
        self.net = self.initial.net
        if class_token and self.net.num_prefix_tokens == 0 and hasattr(self.net, 'add_class_token'):
            self.net.add_class_token()
        for stage in getattr(self.net, 'stages', [])[:-1]:  # nothing looks at finer levels after their norms
            stage.norm.requires_grad_(False)
        self.layers = Layers(self.net)

    @property
    def num_layers(self) -> int:
        return self.layers.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter, 0 to `num_layers`; heads belong to the last."""
        return self.layers.id(name.removeprefix('net.'))


@MODELS.register_module()
class PointClassifier(PointTransferModel):
    """Fine-tuning, or training of the head alone.

    The head sees the class token beside the maximum over groups. Where there is none, in a point pyramid and in a
    frozen network that was pre-trained without one, it sees the mean beside the maximum.

    Args:
        encoder: arguments of `initial_points`.
        num_classes: filled in from the data where it is None.
        num_points: N; clouds that come with more (a pool for votes) are cut to their first N.
        smoothing: share of each label that the other classes get in equal parts; 0, but 0.3 in Point-M2AE on
            ModelNet40.
        head: arguments of `class_head`.
        join: 'concat', both side by side, or 'sum' (Point-M2AE on ModelNet40).
        frozen: only the head trains; the network stays in evaluation mode and gets no class token, which would be
            noise.
    """

    def __init__(
        self,
        encoder: dict,
        num_classes: int | None = None,
        num_points: int = 1024,
        smoothing: float = 0.0,
        frozen: bool = False,
        head: Mapping | None = None,
        join: str = 'concat',
    ):
        super().__init__(encoder, num_points, class_token=not frozen)
        self.num_classes, self.smoothing, self.frozen = check_classes(num_classes), smoothing, frozen
        if join not in ('concat', 'sum') or not 0 <= smoothing < 1:
            raise ConfigError(f"model.join={join!r}, smoothing={smoothing}; 'concat' or 'sum', and from 0 to below 1")
        self.join = join
        self.head = class_head(self.net.embed_dim * (2 if join == 'concat' else 1), self.num_classes, **(head or {}))
        if frozen:
            self.net.requires_grad_(False)

    def train(self, mode: bool = True):
        super().train(mode)
        if self.frozen:
            self.net.eval()
        return self

    def logits(self, points: Tensor) -> Tensor:
        """`(B, N, 3)` to `(B, classes)`."""
        x = self.net.forward_features(points[:, : self.num_points])
        has_token = self.net.num_prefix_tokens > 0
        both = (x[:, 0], x[:, 1:].amax(1)) if has_token else (x.mean(1), x.amax(1))
        return self.head(both[0] + both[1] if self.join == 'sum' else torch.cat(both, dim=1))

    def loss(self, batch: dict) -> dict[str, Tensor]:
        logits = self.logits(batch['points']).float()
        correct = (logits.argmax(1) == batch['label']).float().mean()
        spread = self.smoothing * self.num_classes / (self.num_classes - 1)  # torch's gives the true class a part, too
        loss = F.cross_entropy(logits, batch['label'], label_smoothing=spread)
        return {'loss': loss, 'accuracy': correct.detach()}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        return {'logits': self.logits(batch['points'])}

    @torch.no_grad()
    def vote(self, batch: dict, votes: int, scale: Sequence[float], translate: float) -> Tensor:
        """Mean logits `(B, classes)` of `votes` random subsets, scaled and shifted per axis (Point-MAE's `test_vote`).

        The batch holds clouds of more than N points, farthest first. What is drawn depends on the sample's index and
        the vote alone, so one round has one result.
        """
        total = 0
        for vote in range(votes):
            drawn = [_draw(p, int(i), vote, self.num_points, scale, translate) for i, p in _numbered(batch)]
            total = total + self.logits(torch.stack(drawn))
        return total / votes


def _numbered(batch: dict):
    return zip(batch['index'].tolist(), batch['points'], strict=True)


def _draw(points: Tensor, index: int, vote: int, count: int, scale: Sequence[float], translate: float) -> Tensor:
    generator = torch.Generator().manual_seed(1_000_003 * index + vote)
    chosen = torch.randperm(len(points), generator=generator)[:count]
    factor = torch.empty(3).uniform_(*scale, generator=generator)
    shift = torch.empty(3).uniform_(-translate, translate, generator=generator)
    return points[chosen.to(points.device)] * factor.to(points.device) + shift.to(points.device)

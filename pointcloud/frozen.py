"""A point network that does not train: one vector per cloud, or its tokens under attention that trains."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pointcloud.classifier import PointTransferModel
from pretrain.classifier import AttentiveHead, check_classes
from pretrain.errors import ConfigError
from pretrain.frozen import network_arguments
from pretrain.registry import MODELS

POOLS = ('max+mean', 'max', 'mean', 'concat')


@MODELS.register_module()
class FrozenPoints(PointTransferModel):
    """A point network that does not train, one vector per cloud.

    Args:
        encoder: arguments of `initial_points`.
        num_classes: of the data; filled in.
        num_points: N.
        pool: of the group tokens: 'max+mean' (their sum), 'concat' (side by side), 'max' or 'mean'.
    """

    def __init__(self, encoder: dict, num_classes: int | None = None, num_points: int = 1024, pool: str = 'max+mean'):
        super().__init__(encoder, num_points, class_token=False)
        if pool not in POOLS:
            raise ConfigError(f'model.pool is {pool!r}; allowed: {", ".join(POOLS)}')
        self.num_classes, self.pool, self.arguments = num_classes, pool, network_arguments(encoder)
        self.net.requires_grad_(False)

    def train(self, mode: bool = True):
        super().train(mode)
        self.net.eval()
        return self

    @property
    def facts(self) -> list:
        """What decides the features beside weights and data; as JSON."""
        return [self.arguments, self.num_points, self.pool]

    @torch.no_grad()
    def tokens(self, points: Tensor) -> Tensor:
        """`(B, N, 3)` to one token per group, after the final norm `(B, G, D)`."""
        return self.net.forward_features(points[:, : self.num_points])[:, self.net.num_prefix_tokens :]

    @torch.no_grad()
    def features(self, points: Tensor) -> Tensor:
        """`(B, N, 3)` to `(B, D)`, for 'concat' `(B, 2D)`."""
        x = self.tokens(points)
        top, mean = x.amax(1), x.mean(1)
        return {'max+mean': top + mean, 'max': top, 'mean': mean, 'concat': torch.cat([top, mean], 1)}[self.pool]

    def predict(self, batch: dict) -> dict[str, Tensor]:
        return {'features': self.features(batch['points'])}


@MODELS.register_module()
class AttentivePoints(FrozenPoints):
    """A frozen network whose group tokens are pooled by attention that trains; `pool` is not used."""

    def __init__(self, encoder: dict, num_classes: int | None = None, num_points: int = 1024):
        super().__init__(encoder, check_classes(num_classes), num_points)
        self.head = AttentiveHead(self.net.embed_dim, check_classes(num_classes), std=0.02)

    def logits(self, points: Tensor) -> Tensor:
        """`(B, N, 3)` to `(B, classes)`."""
        return self.head(self.tokens(points))

    def loss(self, batch: dict) -> dict[str, Tensor]:
        logits = self.logits(batch['points']).float()
        correct = (logits.argmax(1) == batch['label']).float().mean()
        return {'loss': F.cross_entropy(logits, batch['label']), 'accuracy': correct.detach()}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        return {'logits': self.logits(batch['points'])}

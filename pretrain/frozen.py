"""An encoder that does not train, one vector per sample; of images, clips and volumes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pretrain.checkpoint.initial import initial_net
from pretrain.classifier import check_pool, default_pool, pooled
from pretrain.model import TrainableModel
from pretrain.registry import MODELS


def network_arguments(encoder: Mapping[str, Any]) -> dict[str, Any]:
    """What a config says about the network beside the files that its weights and architecture come from."""
    return {name: value for name, value in encoder.items() if name not in ('checkpoint', 'like', 'allow_missing')}


@MODELS.register_module()
class FrozenEncoder(TrainableModel):
    """Features of a frozen encoder.

    Args:
        encoder: arguments of `initial_net`: `checkpoint` or, for random weights, `arch`, `arch_args`, `position`.
        num_classes: of the data, for heads on top; filled in.
        pool: 'mean', 'cls' or 'gap', of the tokens after the encoder's own final norm; None takes 'mean' for plain
            transformers and 'gap' for the others.

    Attributes:
        initial: the card, audit and sha256 of the start; its `net` is the network.
    """

    def __init__(
        self,
        encoder: dict,
        num_classes: int | None = None,
        pool: str | None = None,
        image_size=224,
        channels: int = 3,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ):
        super().__init__(image_size, channels, mean, std)
        self.num_classes = num_classes
        self.arguments = network_arguments(encoder)
        self.initial = initial_net(self.image_size, channels, **encoder)
        self.net = self.initial.net.requires_grad_(False).eval()
        self.pool = pool or default_pool(self.net)
        check_pool(self.net, self.pool)

    @property
    def facts(self) -> list:
        """What decides the features beside weights and data; as JSON."""
        return [self.arguments, self.image_size, self.pool, self.channels, self.mean, self.std]

    def train(self, mode: bool = True):
        """The network stays in evaluation mode: its statistics and paths are frozen too."""
        super().train(mode)
        self.net.eval()
        return self

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Normalised `(B, C, *size)` to `(B, D)`; the one function behind every fit and every test."""
        return pooled(self.net, images, self.pool)

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        """`features` `(B, D)` of a preprocessed batch; of several views `(B, V, C, *size)` their mean."""
        images = batch['image']
        if images.dim() == len(self.image_size) + 2:
            return {'features': self.features(images)}
        views = [self.features(images[:, i]) for i in range(images.shape[1])]
        return {'features': torch.stack(views).mean(0)}

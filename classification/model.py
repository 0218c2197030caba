"""The classifier: `pretrain.classifier.Network`, mixed images, a loss, and an average of the weights."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from classification.loss import ClassLoss, Mixing
from pretrain.checkpoint.initial import initial_net
from pretrain.classifier import POOLED_FIRST, Network, check_classes, default_pool
from pretrain.encoders.layers import Layers
from pretrain.model import TrainableModel
from pretrain.registry import MODELS


@MODELS.register_module()
class Classifier(TrainableModel):
    """Fine-tuning: everything trains.

    Args:
        encoder: arguments of `initial_net`: `checkpoint` or, for random weights, `arch`, `arch_args`, `position`; and
            timm's own, such as `drop_path_rate`.
        num_classes: filled in from the data where it is None.
        pool: 'mean', 'cls' or 'gap'; None takes 'mean' for plain transformers and 'gap' for the others.
        head_std: of the initial head. 2e-5 is MAE's, and BEiT's 0.02 scaled by its init_scale 0.001.
        loss: 'cross-entropy' or 'bce'.
        smoothing, mixup, cutmix, mix_probability, erase: see `classification.loss`.
        ema: decay per update of an average of the weights and of batch-norm statistics; when set, the average is what
            is evaluated.

    Attributes:
        initial: the card, audit and sha256 of the start; its `net` is the network that trains.
    """

    def __init__(
        self,
        encoder: dict,
        num_classes: int | None = None,
        pool: str | None = None,
        head_std: float = 2e-5,
        loss: str = 'cross-entropy',
        smoothing: float = 0.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        mix_probability: float = 1.0,
        erase: float = 0.0,
        ema: float | None = None,
        image_size=224,
        channels: int = 3,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ):
        super().__init__(image_size, channels, mean, std)
        self.num_classes = check_classes(num_classes)
        without_norm = dict.fromkeys(('vit', 'beit'), POOLED_FIRST) if pool in (None, 'mean') else None
        self.initial = initial_net(self.image_size, channels, without_norm, **encoder)
        net = self.initial.net
        self.network = Network(net, pool or default_pool(net), self.num_classes, head_std)
        self.layers = Layers(net)
        self.mixing = Mixing(self.num_classes, mixup, cutmix, mix_probability, erase, smoothing)
        self.criterion = ClassLoss(loss, smoothing)
        self.ema = ema
        self.average = copy.deepcopy(self.network).requires_grad_(False) if ema else None

    @property
    def num_layers(self) -> int:
        return self.layers.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter, 0 to `num_layers`; `fc_norm` and `head` belong to the last."""
        return self.layers.id(name.removeprefix('network.net.'))

    def loss(self, batch: dict) -> dict[str, Tensor]:
        images, target = self.mixing(batch['image'], batch['label'])
        return {'loss': self.criterion(self.network(images), target)}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        """Logits `(B, classes)` of preprocessed images, of the averaged weights if there are any."""
        network = self.network if self.average is None else self.average
        return {'logits': network(batch['image'])}

    @torch.no_grad()
    def after_update(self, progress: float) -> None:
        if self.average is None:
            return
        now, kept = self.network.state_dict(), self.average.state_dict()
        moving = [name for name, tensor in kept.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([kept[n] for n in moving], [now[n] for n in moving], 1 - self.ema)
        for name, tensor in kept.items():
            if not tensor.is_floating_point():
                tensor.copy_(now[name])

"""Images to classes or findings: `pretrain.classifier.Network` over the mean of tokens, and two losses."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.checkpoint.initial import initial_net
from pretrain.classifier import POOLED_FIRST, Network
from pretrain.encoders.layers import Layers
from pretrain.encoders.net import family
from pretrain.errors import ConfigError
from pretrain.model import TrainableModel
from pretrain.registry import MODELS


@MODELS.register_module()
class FindingClassifier(TrainableModel):
    """Fine-tuning, or a linear probe.

    Args:
        encoder: arguments of `initial_net`: `checkpoint` or, for random weights, `arch`, `arch_args`, `position`; and
            timm's own, such as `drop_path_rate`.
        num_classes: classes or findings; filled in from the data, as is
        multi_label: binary cross-entropy over findings, unknown ones left out; else cross-entropy over classes.
        probe: the encoder stays as it is, its own final norm included, and only a linear layer after a batch norm
            without parameters trains (MAE's probe).
        pool: 'mean', or for probes 'attentive': attention that trains over all tokens.
        head_std: of the linear layer's initial weights; 2e-5 is MAE's fine-tuning.
        smoothing: of the labels of classes.
    """

    def __init__(
        self,
        encoder: dict,
        num_classes: int | None = None,
        multi_label: bool = False,
        probe: bool = False,
        pool: str = 'mean',
        head_std: float = 2e-5,
        smoothing: float = 0.0,
        image_size=224,
        channels: int = 1,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.25,),
    ):
        super().__init__(image_size, channels, mean, std)
        if num_classes is None or num_classes < (1 if multi_label else 2):
            raise ConfigError(f'model.num_classes is {num_classes}; there must be one finding or two classes at least')
        without_norm = None if probe else dict.fromkeys(('vit', 'beit'), POOLED_FIRST)
        self.initial = initial_net(self.image_size, channels, without_norm, **encoder)
        net = self.initial.net
        if family(net) not in ('vit', 'beit'):
            raise ConfigError(f'{self.initial.card.arch} is no plain transformer; its features come without tokens')
        self.num_classes, self.multi_label, self.smoothing = num_classes, multi_label, smoothing
        self.network = Network(net, pool, num_classes, head_std, probe)
        self.layers = Layers(net)

    @property
    def num_layers(self) -> int:
        return self.layers.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter, 0 to `num_layers`; norm and head belong to the last."""
        inner = name.removeprefix('network.net.')
        return self.layers.id(inner) if inner != name else self.num_layers

    def loss(self, batch: dict) -> dict[str, Tensor]:
        logits, label = self.network(batch['image']).float(), batch['label']
        if not self.multi_label:
            return {'loss': F.cross_entropy(logits, label, label_smoothing=self.smoothing)}
        known = ~label.isnan()
        losses = F.binary_cross_entropy_with_logits(logits, label.nan_to_num(0.0), reduction='none')
        return {'loss': torch.where(known, losses, 0.0).sum() / known.sum().clamp(min=1)}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        """Logits `(B, classes)` of preprocessed images."""
        return {'logits': self.network(batch['image'])}

"""Images to classes or findings: an encoder, the mean of its tokens, a norm, a linear layer."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrain.checkpoint.initial import initial_net
from pretrain.encoders.layers import Layers
from pretrain.encoders.net import family, forward_tokens
from pretrain.errors import ConfigError
from pretrain.model import TrainableModel
from pretrain.registry import MODELS

POOLED_FIRST = 'final norm of the tokens: here tokens are averaged first, and a fresh fc_norm follows (MAE)'


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
        head_std: of the linear layer's initial weights; 2e-5 is MAE's fine-tuning.
        smoothing: of the labels of classes.
    """

    def __init__(
        self,
        encoder: dict,
        num_classes: int | None = None,
        multi_label: bool = False,
        probe: bool = False,
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
        self.num_classes, self.multi_label, self.probe, self.smoothing = num_classes, multi_label, probe, smoothing
        without_norm = None if probe else dict.fromkeys(('vit', 'beit'), POOLED_FIRST)
        self.initial = initial_net(self.image_size, channels, without_norm, **encoder)
        self.net = self.initial.net
        if family(self.net) not in ('vit', 'beit'):
            raise ConfigError(f'{self.initial.card.arch} is no plain transformer; its features come without tokens')
        width = self.net.num_features
        self.norm = nn.BatchNorm1d(width, affine=False, eps=1e-6) if probe else nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.01 if probe else head_std)
        nn.init.zeros_(self.head.bias)
        if probe:
            self.net.requires_grad_(False).eval()
        self.layers = Layers(self.net)

    @property
    def num_layers(self) -> int:
        return self.layers.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter, 0 to `num_layers`; norm and head belong to the last."""
        inner = name.removeprefix('net.')
        return self.layers.id(inner) if inner != name else self.num_layers

    def train(self, mode: bool = True):
        """The encoder of a probe stays in evaluation mode."""
        super().train(mode)
        if self.probe:
            self.net.eval()
        return self

    def logits(self, images: Tensor) -> Tensor:
        """Normalised `(B, C, H, W)` to `(B, classes)`."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.probe):
            tokens = forward_tokens(self.net, images)
        return self.head(self.norm(tokens.mean(1)))

    def loss(self, batch: dict) -> dict[str, Tensor]:
        logits, label = self.logits(batch['image']).float(), batch['label']
        if not self.multi_label:
            return {'loss': F.cross_entropy(logits, label, label_smoothing=self.smoothing)}
        known = ~label.isnan()
        losses = F.binary_cross_entropy_with_logits(logits, label.nan_to_num(0.0), reduction='none')
        return {'loss': torch.where(known, losses, 0.0).sum() / known.sum().clamp(min=1)}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        """Logits `(B, classes)` of preprocessed images."""
        return {'logits': self.logits(batch['image'])}

"""The clip classifier: an encoder of clips and a head; everything trains, or the head alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pretrain.checkpoint.initial import initial_net
from pretrain.classifier import check_classes
from pretrain.encoders.layers import Layers
from pretrain.encoders.vit3d import ViT3d
from pretrain.errors import ConfigError
from pretrain.model import TrainableModel
from pretrain.registry import MODELS
from video.heads import build_head
from video.mixing import ClipMixing, class_loss

POOLED_FIRST = 'final norm of the tokens: here tokens are averaged first, and a fresh fc_norm follows (VideoMAE)'


@MODELS.register_module()
class ClipClassifier(TrainableModel):
    """Clips `(B, C, T, H, W)` to class scores.

    Args:
        encoder: arguments of `initial_net`: `checkpoint` or, for random weights, `arch`, `arch_args`, `position`; how
            an image checkpoint is inflated (`inflate`); and timm's own, such as `drop_path_rate`.
        num_classes: filled in from the data where it is None.
        head: 'mean' (the final norm of the network is left out, a fresh one follows the mean), 'cls', 'probe' or
            'attentive', see `video.heads`.
        frozen: only the head trains; the encoder stays in evaluation mode.
        head_std, head_dropout: of the head. 2e-5 is VideoMAE's 0.02 x 0.001.
        smoothing, mixup, cutmix, erase: see `video.mixing`.

    Attributes:
        initial: the card, audit and sha256 of the start.
    """

    def __init__(
        self,
        encoder: dict,
        num_classes: int | None = None,
        head: str = 'mean',
        frozen: bool = False,
        head_std: float = 2e-5,
        head_dropout: float = 0.0,
        smoothing: float = 0.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        erase: float = 0.0,
        image_size: Sequence[int] = (16, 224, 224),
        channels: int = 3,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ):
        super().__init__(tuple(image_size), channels, mean, std)
        self.num_classes, self.frozen, self.smoothing = check_classes(num_classes), frozen, smoothing
        if len(self.image_size) != 3:
            raise ConfigError(f'model.image_size is {self.image_size}; clips need (T, H, W)')
        self.initial = initial_net(
            self.image_size, channels, {'vit': POOLED_FIRST} if head == 'mean' else None, **encoder
        )
        if not isinstance(self.initial.net, ViT3d):
            raise ConfigError(f'{self.initial.card.arch} is no plain transformer over clips; take one of vit3d')
        self.net = self.initial.net.requires_grad_(not frozen)
        if self.initial.card.position.startswith('sincos-') and self.net.pos_embed is not None:
            self.net.pos_embed.requires_grad_(False)  # VideoMAE's are no parameters
        self.head = build_head(head, self.net, self.num_classes, head_std, head_dropout)
        self.layers = Layers(self.net)
        self.mixing = ClipMixing(self.num_classes, mixup, cutmix, erase, smoothing)

    @property
    def num_layers(self) -> int:
        return self.layers.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter, 0 to `num_layers`; the head belongs to the last."""
        return self.layers.id(name.removeprefix('net.')) if name.startswith('net.') else self.num_layers

    def train(self, mode: bool = True):
        super().train(mode)
        if self.frozen:
            self.net.eval()
        return self

    def logits(self, clips: Tensor) -> Tensor:
        """Normalised `(B, C, T, H, W)` to `(B, classes)`."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            tokens = self.net.forward_features(clips)
        return self.head(tokens, self.net.num_prefix_tokens)

    def loss(self, batch: dict) -> dict[str, Tensor]:
        clips, target = self.mixing(batch['image'], batch['label'])
        return {'loss': class_loss(self.logits(clips), target, self.smoothing)}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        """Probabilities `(B, classes)` fp64 of `(B, V, C, T, H, W)`: the mean over the views of their softmax."""
        views = batch['image']
        views = views.unsqueeze(1) if views.dim() == 5 else views
        shares = [self.logits(views[:, i]).double().softmax(1) for i in range(views.shape[1])]
        return {'probabilities': torch.stack(shares).mean(0)}

"""Features of a teacher: any frozen checkpoint (MVP, EVA), or the encoder's own moving average (data2vec, BootMAE)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrain.encoders.net import family, forward_tokens
from pretrain.errors import ConfigError
from pretrain.mask import Mask
from pretrain.registry import MODELS
from pretrain.targets.base import Target, per_channel
from pretrain.targets.ema import EMATeacher
from pretrain.targets.frozen import Frozen


@MODELS.register_module()
class TeacherFeatures(Target):
    """What a teacher makes of the whole, unmasked image: `(B, N, D)` fp32.

    Args:
        checkpoint: a frozen network's file, exchange or foreign.
        teacher: 'ema' for the model's EMATeacher. Either this or `checkpoint`.
        normalise: `layer` for a layer norm without weights on the features (data2vec, BootMAE), or `none`.
        layers: `last` for the tokens after the final norm, or k for the mean of the outputs of the last k blocks
            without the final norm, each layer-normed first when `normalise` is `layer` (data2vec vision, where k is 6).
        teacher_mean, teacher_std: what the checkpoint's images were normalised with, where its card does not say.
        dim: D; needed only on the meta device, where no file is read.

    The teacher computes in the precision of the surrounding autocast; the norms and the mean are fp32.
    Raises ConfigError when the teacher's tokens are not those of the prediction grid.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        teacher: str | None = None,
        normalise: str = 'layer',
        layers: str | int = 'last',
        teacher_mean=None,
        teacher_std=None,
        dim: int = 0,
        patch=16,
        image_size=224,
        channels: int = 3,
        mean=None,
        std=None,
    ):
        if (checkpoint is None) == (teacher is None) or teacher not in (None, 'ema'):
            raise ConfigError("TeacherFeatures: give either checkpoint=FILE or teacher='ema'")
        if normalise not in ('layer', 'none'):
            raise ConfigError(f'TeacherFeatures: normalise={normalise!r}; allowed: layer, none')
        if layers != 'last' and (not isinstance(layers, int) or layers < 1):
            raise ConfigError(f"TeacherFeatures: layers={layers!r}; allowed: 'last' or a number of blocks")
        super().__init__(dim, patch, image_size, channels, mean, std)
        self.normalise, self.layers = normalise, layers
        self.needs_teacher = teacher == 'ema'
        if checkpoint is not None and torch.get_default_device().type != 'meta':
            self._load(checkpoint, teacher_mean, teacher_std)

    def _load(self, checkpoint: str, teacher_mean, teacher_std) -> None:
        from pretrain.checkpoint.load import build_net, open_checkpoint

        opened = open_checkpoint(checkpoint)
        net, self.report = build_net(opened, image_size=self.grid.input_size)
        self.frozen = Frozen(net)
        self._take(net)
        teacher_mean, teacher_std = teacher_mean or opened.card.mean, teacher_std or opened.card.std
        if teacher_mean is None or teacher_std is None:
            raise ConfigError(
                f'TeacherFeatures: {checkpoint} does not say how its images were normalised;'
                ' give teacher_mean and teacher_std'
            )
        mean = per_channel('teacher_mean', teacher_mean, 0.0, self.channels)
        std = per_channel('teacher_std', teacher_std, 1.0, self.channels)
        self.register_buffer('teacher_mean', mean, persistent=False)
        self.register_buffer('teacher_std', std, persistent=False)

    def attach(self, teacher: EMATeacher | nn.Module | None) -> None:
        """Take the model's EMA teacher; the model calls this before it builds the head, which needs `dim`."""
        if not self.needs_teacher:
            return
        if teacher is None:
            raise ConfigError(
                "TeacherFeatures(teacher='ema') needs a teacher in the model: teacher=dict(type='EMATeacher')"
            )
        net = teacher.net if isinstance(teacher, EMATeacher) else teacher
        self.__dict__['net'] = net  # the model owns it: not registered a second time
        self._take(net)

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        """`(B, N, D)` fp32 for all tokens of the prediction grid."""
        if self.needs_teacher:
            net, image = self.__dict__['net'], self.image(batch)
        else:
            net, image = self.frozen.net, (self.pixels(batch) - self.teacher_mean) / self.teacher_std
        features = self._features(net, image)
        if features.shape[1] != self.grid.num_tokens:
            raise ConfigError(
                f'the teacher gives {features.shape[1]} tokens for an image of {self.grid.input_size}, the prediction'
                f' has {self.grid.num_tokens}; use a teacher of patch {self.grid.patch}'
            )
        return features

    def _take(self, net: nn.Module) -> None:
        self.dim = net.num_features
        if isinstance(self.layers, str):
            return
        if family(net) not in ('vit', 'beit') or self.layers > len(net.blocks):
            raise ConfigError(
                f"TeacherFeatures: layers={self.layers} needs a ViT of that many blocks; use layers='last'"
            )

    def _features(self, net: nn.Module, image: Tensor) -> Tensor:
        if self.layers == 'last':
            return self._norm(forward_tokens(net, image).float())
        outputs = net.forward_intermediates(image, indices=self.layers, output_fmt='NLC', intermediates_only=True)
        return self._norm(torch.stack([self._norm(x.float()) for x in outputs]).mean(0))

    def _norm(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:]) if self.normalise == 'layer' else x

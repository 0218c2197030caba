"""timm's ResNet and ConvNeXt as masked encoders."""

import torch
from torch import Tensor, nn

from pretrain.encoders.base import Encoder, mask_token
from pretrain.encoders.net import family
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.registry import MODELS

GAMMA = 1e-6
"""Initial scale of the masked features that stay beside the token (A2MIM, openmixup's A2MIM ResNet)."""


@MODELS.register_module()
class CNNEncoder(Encoder):
    """A convolutional network whose hidden pixels are filled.

    Args:
        masked: 'fill': only the pixels. 'stage': also, before stage `stage` (0 is the first after the stem), hidden
            positions become `gamma * x + token`, gamma a learned scale per channel that starts at 1e-6 (A2MIM).
        stage: 3 in A2MIM, the last of four. A ResNet's map has stride 16 there; a ConvNeXt stage begins with its
            downsampling, and the token comes after that, at stride 32.
    """

    ways = ('fill', 'stage')

    def __init__(self, arch: str, masked: str = 'stage', stage: int = 3, *, image_size, **args):
        super().__init__(arch, masked, image_size, **args)
        self.kind = family(self.net)
        if self.kind not in ('resnet', 'convnext'):
            raise ConfigError(f'{arch} is no ResNet or ConvNeXt; use the encoder of its own family')
        stages = self._stages()
        if not 0 < stage < len(stages):
            raise ConfigError(f'encoder.stage is {stage}; allowed: 1 to {len(stages) - 1}')
        self.stage = stage
        info = self.net.feature_info
        info = info[len(info) - len(stages) :]
        before = info[stage if self.kind == 'convnext' else stage - 1]
        self.stride, self.width = (info[-1]['reduction'],) * 2, self.net.num_features
        self.grid = TokenGrid.over(self.image_size, before['reduction'])
        if masked == 'stage':
            self.mask_token = mask_token(before['num_chs'])
            self.gamma = nn.Parameter(torch.full((before['num_chs'],), GAMMA))

    def forward(self, images: Tensor, mask: Mask) -> Tensor:
        x = self._stem(self.fill_hidden(images, mask))
        for i, stage in enumerate(self._stages()):
            if i != self.stage or self.masked != 'stage':
                x = stage(x)
            elif self.kind == 'convnext':
                x = stage.blocks(self._insert_token(stage.downsample(x), mask))
            else:
                x = stage(self._insert_token(x, mask))
        if self.kind == 'convnext':
            x = self.net.head.norm(self.net.norm_pre(x))  # on the map, where classification norms what it pooled
        return x.flatten(2).transpose(1, 2)

    def _insert_token(self, x: Tensor, mask: Mask) -> Tensor:
        hidden = mask.hidden.reshape(-1, 1, *self.grid.size)
        token = self.mask_token.to(x.dtype).reshape(1, -1, 1, 1)
        return torch.where(hidden, x * self.gamma.to(x.dtype).reshape(1, -1, 1, 1) + token, x)

    def _stem(self, x: Tensor) -> Tensor:
        net = self.net
        return net.stem(x) if self.kind == 'convnext' else net.maxpool(net.act1(net.bn1(net.conv1(x))))

    def _stages(self) -> list[nn.Module]:
        net = self.net
        return list(net.stages) if self.kind == 'convnext' else [net.layer1, net.layer2, net.layer3, net.layer4]

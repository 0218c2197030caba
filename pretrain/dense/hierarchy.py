"""Swin, ResNet and ConvNeXt as dense encoders: the maps of their stages."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from pretrain.dense.encoder import DenseEncoder
from pretrain.encoders.net import family
from pretrain.errors import ConfigError


class DenseStages(DenseEncoder):
    """A pyramid network: a stem and stages, each coarser than the one before.

    Args:
        net: with weights.
        levels: stages whose maps come out, from 0.
        out_norm: 'own' only for the last stage of Swin; the network norms no other.
        checkpointing: recompute stages in the backward pass.
        frozen: 1 for the stem, then one for each block (Swin) or stage (ResNet, ConvNeXt).
    """

    def __init__(
        self,
        net: nn.Module,
        levels: Sequence[int] = (0, 1, 2, 3),
        out_norm: str = 'none',
        checkpointing: bool = False,
        frozen: int = 0,
    ):
        stages = _stages(net)
        if not levels or not all(0 <= level < len(stages) for level in levels):
            raise ConfigError(f'levels is {list(levels)}; the network has stages 0 to {len(stages) - 1}')
        if out_norm == 'own' and list(levels) != [len(stages) - 1]:
            raise ConfigError(f"out_norm='own' with levels {list(levels)}; only the last stage has a norm, use 'new'")
        info = net.feature_info[len(net.feature_info) - len(stages) :]
        info = [info[level] for level in levels]
        super().__init__(net, [i['num_chs'] for i in info], [i['reduction'] for i in info], frozen, out_norm)
        self.levels, self.checkpointing = list(levels), checkpointing

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x = self.stem(images)
        maps: list[Tensor] = []
        for i, stage in enumerate(_stages(self.net)[: max(self.levels) + 1]):
            if self.checkpointing and self.training and x.requires_grad:
                x = checkpoint(self.stage, stage, x, use_reentrant=False)
            else:
                x = self.stage(stage, x)
            if i in self.levels:
                maps.append(self.as_map(x, len(maps)))
        return tuple(maps)

    def stem(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def stage(self, stage: nn.Module, x: Tensor) -> Tensor:
        return stage(x)

    def as_map(self, x: Tensor, number: int) -> Tensor:
        """The map `(B, C, H, W)` of what a stage gives."""
        if self.norms is None:
            return x
        return self.norms[number](x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous()


class DenseSwin(DenseStages):
    """Swin over any rectangle: windows stay, and the shift is left out where a map is no larger than a window."""

    def __init__(self, net: nn.Module, **choices):
        super().__init__(net, **choices)
        for stage in net.layers:
            for block in stage.blocks:
                block.dynamic_mask = True
        net.norm = nn.Identity()  # if used, it is in `norms`

    def stem(self, images: Tensor) -> Tensor:
        """`(B, H, W, D)`; images are padded below and right to whole patches."""
        embed = self.net.patch_embed
        patch = embed.patch_size[0]
        images = F.pad(images, (0, -images.shape[-1] % patch, 0, -images.shape[-2] % patch))
        return embed.norm(embed.proj(images).permute(0, 2, 3, 1))

    def stage(self, stage: nn.Module, x: Tensor) -> Tensor:
        x = stage.downsample(x)
        grid = x.shape[1:3]
        for block in stage.blocks:
            sides = zip(grid, block.window_size, block.target_shift_size, strict=True)
            block.shift_size = tuple(0 if length <= window else shift for length, window, shift in sides)
            x = block(x)
        return x

    def as_map(self, x: Tensor, number: int) -> Tensor:
        x = x if self.norms is None else self.norms[number](x)
        return x.permute(0, 3, 1, 2).contiguous()


class DenseCNN(DenseStages):
    """ResNet and ConvNeXt.

    Args:
        norm_eval: keep batch norm in evaluation mode, as detection recipes with small batches do.
    """

    def __init__(self, net: nn.Module, norm_eval: bool = False, **choices):
        super().__init__(net, **choices)
        self.norm_eval = norm_eval
        if family(net) == 'convnext':
            net.head.requires_grad_(False)  # its norm comes after pooling, which maps never do
        self.train(self.training)

    def stem(self, images: Tensor) -> Tensor:
        net = self.net
        if family(net) == 'convnext':
            return net.stem(images)
        return net.maxpool(net.act1(net.bn1(net.conv1(images))))

    def train(self, mode: bool = True) -> 'DenseCNN':
        super().train(mode)
        if getattr(self, 'norm_eval', False):
            for module in self.net.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self


def _stages(net: nn.Module) -> list[nn.Module]:
    kind = family(net)
    if kind == 'swin':
        return list(net.layers)
    return list(net.stages) if kind == 'convnext' else [net.layer1, net.layer2, net.layer3, net.layer4]

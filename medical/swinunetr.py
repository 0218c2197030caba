"""SwinUNETR: a convolutional decoder over the maps of a volumetric Swin, built from MONAI's blocks.

With four stages the modules have the names, shapes and order of MONAI's `SwinUNETR`. Fewer stages leave out the
coarsest steps, so that small volumes can be segmented, too.
Facts: Hatamizadeh et al. 2022; monai/networks/nets/swin_unetr.py.
"""

from collections.abc import Sequence

from monai.networks.blocks.dynunet_block import UnetOutBlock
from monai.networks.blocks.unetr_block import UnetrBasicBlock, UnetrUpBlock
from torch import Tensor, nn

from pretrain.encoders.swin3d import SwinTransformer3d
from pretrain.errors import ConfigError


class SwinUnetrDecoder(nn.Module):
    """The maps of all levels and the input to logits at the resolution of the input.

    Args:
        channels: of the input.
        feature_size: channels of the encoder's first map, doubled with every level.
        stages: of the encoder; it has one map more.
        num_outputs: channels of the logits.
        norm: MONAI's name of the normalisation.
    """

    def __init__(self, channels: int, feature_size: int, stages: int, num_outputs: int, norm: str = 'instance'):
        super().__init__()
        self.stages = stages
        block = {'spatial_dims': 3, 'kernel_size': 3, 'norm_name': norm, 'res_block': True}
        self.encoder1 = UnetrBasicBlock(in_channels=channels, out_channels=feature_size, stride=1, **block)
        for level in range(stages - 1):
            wide = feature_size * 2**level
            setattr(
                self, f'encoder{level + 2}', UnetrBasicBlock(in_channels=wide, out_channels=wide, stride=1, **block)
            )
        widest = feature_size * 2**stages
        self.encoder10 = UnetrBasicBlock(in_channels=widest, out_channels=widest, stride=1, **block)
        for level in range(stages, -1, -1):  # the last step goes from the patches' resolution to that of the input
            wide, narrow = feature_size * 2**level, feature_size * 2 ** max(level - 1, 0)
            up = UnetrUpBlock(in_channels=wide, out_channels=narrow, upsample_kernel_size=2, **block)
            setattr(self, f'decoder{level + 1}', up)
        self.out = UnetOutBlock(spatial_dims=3, in_channels=feature_size, out_channels=num_outputs)

    def forward(self, image: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """`image` `(B, C, *size)`, `maps` `(B, feature_size * 2^i, *size / 2^(i+1))` from the finest to the coarsest.

        The map before the last goes into the decoder without a convolution of its own, as MONAI's does.
        """
        sides = [self.encoder1(image)]
        sides += [getattr(self, f'encoder{level + 2}')(maps[level]) for level in range(self.stages - 1)]
        sides.append(maps[self.stages - 1])
        x = self.encoder10(maps[self.stages])
        for level in range(self.stages, -1, -1):
            x = getattr(self, f'decoder{level + 1}')(x, sides[level])
        return self.out(x)


class SwinUnetr(nn.Module):
    """A volumetric Swin and its decoder, whose channels follow from the encoder's.

    Raises ConfigError for patches other than 2 voxels, whose resolution the decoder cannot double back.
    """

    def __init__(self, swin: SwinTransformer3d, channels: int, num_outputs: int):
        super().__init__()
        patch = swin.patch_embed.patch_size
        if patch != (2, 2, 2):
            raise ConfigError(f'a SwinUNETR decoder needs patches of 2 voxels, the encoder has {tuple(patch)}')
        self.swin = swin
        self.decoder = SwinUnetrDecoder(channels, swin.embed_dim, len(swin.layers), num_outputs)

    def forward(self, image: Tensor) -> Tensor:
        """Normalised `(B, C, *size)` to logits `(B, outputs, *size)`."""
        return self.decoder(image, self.swin.levels(image))

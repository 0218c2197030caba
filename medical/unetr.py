"""UNETR: a convolutional decoder over the hidden states of a transformer, built from MONAI's blocks.

With patches of 16 voxels the modules have the names, shapes and order of MONAI's `UNETR`. Smaller patches leave out
the coarsest steps, so that small volumes can be segmented at full resolution, too.
Facts: Hatamizadeh et al. 2022; monai/networks/nets/unetr.py.
"""

import math
from collections.abc import Sequence

from monai.networks.blocks.dynunet_block import UnetOutBlock
from monai.networks.blocks.unetr_block import UnetrBasicBlock, UnetrPrUpBlock, UnetrUpBlock
from torch import Tensor, nn

from pretrain.encoders.vit3d import ViT3d
from pretrain.errors import ConfigError


class UnetrDecoder(nn.Module):
    """Hidden states and the input to logits at the resolution of the input.

    Args:
        channels: of the input.
        width: of the transformer.
        num_outputs: channels of the logits.
        patch: voxels per side of a patch, a power of two: 2^n patches take n - 1 hidden states beside the last one.
        feature_size: channels at full resolution; doubled with every halving of the resolution.
        norm: MONAI's name of the normalisation.
    """

    def __init__(
        self, channels: int, width: int, num_outputs: int, patch: int, feature_size: int = 16, norm: str = 'instance'
    ):
        super().__init__()
        self.steps = steps = steps_of(patch)
        block = {'spatial_dims': 3, 'kernel_size': 3, 'norm_name': norm, 'res_block': True}
        self.encoder1 = UnetrBasicBlock(in_channels=channels, out_channels=feature_size, stride=1, **block)
        for i in range(steps - 1):
            up = UnetrPrUpBlock(
                in_channels=width,
                out_channels=feature_size * 2 ** (i + 1),
                num_layer=steps - 2 - i,
                stride=1,
                upsample_kernel_size=2,
                conv_block=True,
                **block,
            )
            setattr(self, f'encoder{i + 2}', up)
        for i in range(steps, 0, -1):
            wide = width if i == steps else feature_size * 2**i
            up = UnetrUpBlock(
                in_channels=wide, out_channels=feature_size * 2 ** (i - 1), upsample_kernel_size=2, **block
            )
            setattr(self, f'decoder{i + 1}', up)
        self.out = UnetOutBlock(spatial_dims=3, in_channels=feature_size, out_channels=num_outputs)

    def forward(self, image: Tensor, states: Sequence[Tensor], last: Tensor) -> Tensor:
        """`image` `(B, C, *size)`, `states` and `last` `(B, D, *grid)`; states in the order of their depth."""
        sides = [self.encoder1(image)]
        sides += [getattr(self, f'encoder{i + 2}')(state) for i, state in enumerate(states)]
        x = last
        for i in range(self.steps, 0, -1):
            x = getattr(self, f'decoder{i + 1}')(x, sides[i - 1])
        return self.out(x)


def steps_of(patch: int) -> int:
    """n of a patch of 2^n voxels. Raises ConfigError for another one."""
    steps = int(math.log2(patch)) if patch > 0 else 0
    if steps < 2 or 2**steps != patch:
        raise ConfigError(f'a UNETR decoder doubles the resolution: patches of {patch} voxels must be 4, 8, 16 or 32')
    return steps


class Unetr(nn.Module):
    """A volume transformer and its decoder.

    Args:
        vit: with its final norm, which is applied to the last hidden state.
        taps: indices of the blocks, from 0, whose outputs go to the decoder beside the last one's. MONAI's 3, 6 and 9
            of 12 are the outputs of the fourth, seventh and tenth block; the paper counts z3, z6 and z9.
    """

    def __init__(self, vit: ViT3d, channels: int, num_outputs: int, taps: Sequence[int], feature_size: int = 16):
        super().__init__()
        patch = vit.patch_embed.patch_size
        if len(set(patch)) != 1:
            raise ConfigError(f'a UNETR decoder needs patches with equal sides, the encoder has {tuple(patch)}')
        depth, wanted = len(vit.blocks), steps_of(patch[0]) - 1
        if len(taps) != wanted or list(taps) != sorted(set(taps)) or not all(0 <= i < depth for i in taps):
            raise ConfigError(
                f'model.taps is {list(taps)}: patches of {patch[0]} voxels need {wanted} rising block indices '
                f'from 0 to {depth - 1}'
            )
        self.vit, self.taps, self.grid = vit, tuple(taps), tuple(vit.patch_embed.grid_size)
        self.decoder = UnetrDecoder(channels, vit.embed_dim, num_outputs, patch[0], feature_size)

    def forward(self, image: Tensor) -> Tensor:
        """Normalised `(B, C, *size)` to logits `(B, outputs, *size)`."""
        x = self.vit.norm_pre(self.vit._pos_embed(self.vit.patch_embed(image)))  # timm's own way in knows two axes only
        states = []
        for i, block in enumerate(self.vit.blocks):
            x = block(x)
            if i in self.taps:
                states.append(self._map(x))
        return self.decoder(image, states, self._map(self.vit.norm(x)))

    def _map(self, tokens: Tensor) -> Tensor:
        """`(B, prefix + N, D)` to `(B, D, *grid)`."""
        return tokens[:, self.vit.num_prefix_tokens :].transpose(1, 2).unflatten(2, self.grid)

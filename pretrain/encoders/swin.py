"""Swin transformers as masked encoders: timm's over images, and the volumetric one."""

import torch
from torch import Tensor

from pretrain.encoders.base import Encoder, mask_token
from pretrain.encoders.net import family
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.registry import MODELS


@MODELS.register_module()
class SwinEncoder(Encoder):
    """Swin with the embeddings of hidden patches replaced by a learned token (SimMIM).

    Masks live on the grid of the patches (4 pixels, 2 voxels); latents on the last map's grid, 8 times coarser, or 16
    times over volumes, where the last stage merges its patches, too. Draw masks in units of at least that stride
    (SimMIM: 32 pixels), otherwise a latent mixes visible and hidden patches.
    """

    ways = ('token',)
    position = 'relative'

    def __init__(self, arch: str, masked: str = 'token', *, image_size, **args):
        super().__init__(arch, masked, image_size, img_size=tuple(image_size), **args)
        self.arch_args['img_size'] = list(self.image_size)
        kind = family(self.net)
        if kind not in ('swin', 'swin3d'):
            raise ConfigError(f'{arch} is no Swin transformer; use the encoder of its own family')
        if kind == 'swin3d':
            self.arch_args.update(self.net.arch_args)
        patch = tuple(self.net.patch_embed.patch_size)
        self.grid = TokenGrid.over(self.image_size, patch)
        merged = len(self.net.layers) - (kind == 'swin')
        self.stride = tuple(p * 2**merged for p in patch)
        self.width = self.net.num_features
        self.mask_token = mask_token(self.net.embed_dim)

    def forward(self, images: Tensor, mask: Mask) -> Tensor:
        x = self.net.patch_embed(images)
        hidden = mask.hidden.reshape(-1, *self.grid.size, 1)
        x = torch.where(hidden, self.mask_token.to(x.dtype).unsqueeze(0), x)
        return self.net.norm(self.net.layers(x)).flatten(1, -2)

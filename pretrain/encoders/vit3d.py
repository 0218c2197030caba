"""Vision transformers over clips `(B, C, T, H, W)` and volumes `(B, C, D, H, W)`: timm's ViT on a grid of three axes.

Only the patch embedding differs, so the names of all tensors are timm's. The networks are in timm's registry as
`vit3d_small_patch16` and so on; `img_size` and `patch_size` take three numbers, slowest axis first.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid


class PatchEmbed3d(nn.Module):
    """A convolution of patches that do not overlap: `(B, C, *img_size)` to `(B, N, D)` in raster order."""

    def __init__(
        self,
        img_size: Sequence[int],
        patch_size: Sequence[int],
        in_chans: int,
        embed_dim: int,
        bias: bool = True,
        dynamic_img_pad: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        if isinstance(img_size, int) or isinstance(patch_size, int) or len(img_size) != 3 or len(patch_size) != 3:
            raise ConfigError(f'img_size {img_size} and patch_size {patch_size}: clips and volumes need three numbers')
        grid = TokenGrid.over(img_size, tuple(patch_size))
        self.img_size, self.patch_size, self.grid_size = tuple(img_size), grid.patch, grid.size
        self.num_patches = grid.num_tokens
        kernel = (grid.patch[0], grid.patch[1], grid.patch[2])
        self.proj = nn.Conv3d(in_chans, embed_dim, kernel, stride=kernel, bias=bias, device=device, dtype=dtype)
        self.norm = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[2:]) != self.img_size:
            raise ConfigError(f'input of size {tuple(x.shape[2:])}, but the network was built for {self.img_size}')
        return self.proj(x).flatten(2).transpose(1, 2)


class ViT3d(VisionTransformer):
    """timm's VisionTransformer over three axes."""

    def __init__(self, img_size: Sequence[int] = (16, 224, 224), patch_size: Sequence[int] = (2, 16, 16), **args):
        super().__init__(img_size=img_size, patch_size=patch_size, embed_layer=PatchEmbed3d, **args)


SIZES = {
    'tiny': (192, 12, 3, 4.0),
    'small': (384, 12, 6, 4.0),
    'base': (768, 12, 12, 4.0),
    'large': (1024, 24, 16, 4.0),
    'huge': (1280, 32, 16, 4.0),
    'giant': (1408, 40, 16, 48 / 11),
}
"""Width, depth, heads and MLP ratio; giant as in VideoMAE v2."""


def _entry(size: str) -> Callable[..., ViT3d]:
    width, depth, heads, ratio = SIZES[size]

    def build(pretrained: bool = False, pretrained_cfg: Any = None, **args) -> ViT3d:
        shape = {'embed_dim': width, 'depth': depth, 'num_heads': heads, 'mlp_ratio': ratio}
        return ViT3d(**{**shape, **{k: v for k, v in args.items() if k not in ('pretrained_cfg_overlay', 'cache_dir')}})

    build.__name__ = f'vit3d_{size}_patch16'
    return build


for _size in SIZES:
    register_model(_entry(_size))

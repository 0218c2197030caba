"""Swin transformers over volumes `(B, C, D, H, W)`, the network that SwinUNETR trains, which timm lacks.

The names of tensors are timm's Swin's, except that patches are merged at the end of a stage, the last one included:
four stages of patches of 2 voxels give maps of 2, 4, 8, 16 and 32 voxels per position. The networks are in timm's
registry as `swin3d_base_patch2` and so on.
Facts: Hatamizadeh et al. 2022; Tang et al. 2022; monai/networks/nets/swin_unetr.py (`SwinTransformer`).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import DropPath, Mlp, trunc_normal_
from timm.models import register_model
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid

MERGING = {
    'corners': ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)),
    'repeated': ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0), (0, 0, 1), (1, 1, 1)),
    'raster': ((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)),
}
"""Which position of each 2 x 2 x 2 block goes where when patches are merged. Shapes do not tell them apart.

'corners' is MONAI's `merging` from 1.5 on; 'repeated' is what `merging` was until 1.4, with two positions taken twice
and two never (MONAI#8284); 'raster' is MONAI's `mergingv2`.
"""
BLOCKED = -100.0
"""Added to the logits between positions that the cyclic shift brought together."""


class WindowAttention3d(nn.Module):
    """Self-attention within windows, with one table of relative positions.

    Args:
        window: positions per axis.
    """

    def __init__(self, dim: int, num_heads: int, window: tuple[int, int, int], qkv_bias: bool = True):
        super().__init__()
        self.num_heads, self.window_size = num_heads, window
        self.relative_position_bias_table = nn.Parameter(torch.zeros(math.prod(2 * n - 1 for n in window), num_heads))
        self.register_buffer('relative_position_index', relative_index(window), persistent=False)
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)
        trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, x: Tensor, blocked: Tensor | None) -> Tensor:
        """`(B * windows, n, D)` to the same; `blocked` `(windows, n, n)` is added to the logits.

        Of a window that the grid made smaller the table is read at the rows and columns of the first n positions of
        the full window, as SwinUNETR does: the published networks were trained so in their last stage.
        """
        batch, n, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, n, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        index = self.relative_position_index[:n, :n].reshape(-1)
        bias = self.relative_position_bias_table[index].reshape(n, n, -1).permute(2, 0, 1).unsqueeze(0)
        if blocked is not None:
            bias = bias + blocked.unsqueeze(1)
            bias = bias.repeat(batch // len(bias), 1, 1, 1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.proj(out.transpose(1, 2).reshape(batch, n, dim))


class SwinBlock3d(nn.Module):
    """Attention within windows, shifted by half a window or not, and an MLP, each after a norm."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window: tuple[int, int, int],
        shifted: bool,
        mlp_ratio: float,
        qkv_bias: bool,
        drop_path: float,
    ):
        super().__init__()
        self.window, self.shifted = window, shifted
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention3d(dim, num_heads, window, qkv_bias)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, D, H, W, C)` to the same."""
        x = x + self.drop_path(self._attend(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def _attend(self, x: Tensor) -> Tensor:
        size = x.shape[1:4]
        # An axis that one window covers has a window of its own length, and no shift.
        window = tuple(min(n, side) for n, side in zip(size, self.window, strict=True))
        shift = tuple(w // 2 if self.shifted and n > w else 0 for n, w in zip(size, window, strict=True))
        fill = [-n % w for n, w in zip(size, window, strict=True)]
        x = F.pad(x, (0, 0, 0, fill[2], 0, fill[1], 0, fill[0]))
        blocked = None
        if any(shift):
            x = torch.roll(x, tuple(-s for s in shift), (1, 2, 3))
            blocked = blocked_pairs(tuple(x.shape[1:4]), window, shift, x.device)
        x = from_windows(self.attn(to_windows(x, window), blocked), window, tuple(x.shape[:4]))
        if any(shift):
            x = torch.roll(x, shift, (1, 2, 3))
        return x[:, : size[0], : size[1], : size[2]]


class PatchMerging3d(nn.Module):
    """The eight positions of a block side by side, a norm, and a linear layer to twice the width."""

    def __init__(self, dim: int, merging: str):
        super().__init__()
        self.order = MERGING[merging]
        self.norm = nn.LayerNorm(8 * dim)
        self.reduction = nn.Linear(8 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, D, H, W, C)` to `(B, D/2, H/2, W/2, 2C)`."""
        x = torch.cat([x[:, i::2, j::2, k::2] for i, j, k in self.order], dim=-1)
        return self.reduction(self.norm(x))


class ResidualConvs(nn.Module):
    """Two convolutions of 3 voxels with instance norms, and a shortcut: what SwinUNETR-V2 puts before each stage."""

    def __init__(self, dim: int):
        super().__init__()
        self.conv1 = nn.Conv3d(dim, dim, 3, padding=1, bias=False)
        self.conv2 = nn.Conv3d(dim, dim, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, D, H, W, C)` to the same. The slope of the activation is MONAI's, 0.01."""
        maps = x.permute(0, 4, 1, 2, 3)
        out = F.leaky_relu(F.instance_norm(self.conv1(maps)), 0.01)
        out = F.leaky_relu(F.instance_norm(self.conv2(out)) + maps, 0.01)
        return out.permute(0, 2, 3, 4, 1)


class SwinStage3d(nn.Module):
    """Blocks, every second one with shifted windows, then the merging of patches; convolutions first in V2."""

    def __init__(self, dim: int, rates: Sequence[float], merging: str, use_v2: bool, **block):
        super().__init__()
        self.conv = ResidualConvs(dim) if use_v2 else nn.Identity()
        self.blocks = nn.Sequential(
            *(SwinBlock3d(dim, shifted=i % 2 == 1, drop_path=rate, **block) for i, rate in enumerate(rates))
        )
        self.downsample = PatchMerging3d(dim, merging)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, D, H, W, C)` to `(B, D/2, H/2, W/2, 2C)`."""
        return self.downsample(self.blocks(self.conv(x)))


class VolumePatches(nn.Module):
    """A convolution of patches that do not overlap: `(B, C, D, H, W)` to `(B, *grid, D)`."""

    def __init__(self, grid: TokenGrid, in_chans: int, embed_dim: int):
        super().__init__()
        self.img_size, self.patch_size, self.grid_size = grid.input_size, grid.patch, grid.size
        kernel = (grid.patch[0], grid.patch[1], grid.patch[2])
        self.proj = nn.Conv3d(in_chans, embed_dim, kernel, stride=kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).permute(0, 2, 3, 4, 1)


class SwinTransformer3d(nn.Module):
    """SwinUNETR's encoder.

    Args:
        img_size: voxels per axis; no tensor depends on it, and other sizes are taken, too. Each side is a multiple of
            the patch times 2 per stage: 32 for the published networks.
        embed_dim: width of the first stage, doubled by every merging; SwinUNETR's `feature_size`.
        window_size: positions per axis that attend to each other.
        merging: the order in which positions are merged, one of MERGING. It belongs to the weights.
        use_v2: residual convolutions before each stage (SwinUNETR-V2).

    Attributes:
        arch_args: all that its weights depend on, as a card has it.
        stride: voxels per position of the last map.
        num_features: its channels.
        norm: a LayerNorm without weights, which SwinUNETR applies to each of its maps.

    Raises ConfigError for a size, a window or a merging that there is not.
    """

    def __init__(
        self,
        img_size: Sequence[int] = (96, 96, 96),
        patch_size: Sequence[int] = (2, 2, 2),
        in_chans: int = 3,
        embed_dim: int = 48,
        depths: Sequence[int] = (2, 2, 2, 2),
        num_heads: Sequence[int] = (3, 6, 12, 24),
        window_size: int | Sequence[int] = 7,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        merging: str = 'corners',
        use_v2: bool = False,
        drop_path_rate: float = 0.0,
        num_classes: int = 0,
    ):
        super().__init__()
        if num_classes:
            raise ConfigError(
                f'num_classes is {num_classes}; a volumetric Swin has no classifier of its own: leave it out'
            )
        if merging not in MERGING:
            raise ConfigError(f'merging is {merging!r}; allowed: {", ".join(map(repr, MERGING))}')
        if len(depths) != len(num_heads):
            raise ConfigError(f'depths {tuple(depths)} and num_heads {tuple(num_heads)} must name the same stages')
        if any(embed_dim * 2**i % heads for i, heads in enumerate(num_heads)):
            raise ConfigError(f'widths {embed_dim} times 1, 2, 4 ... must be multiples of num_heads {tuple(num_heads)}')
        window = (window_size,) * 3 if isinstance(window_size, int) else tuple(window_size)
        if len(window) != 3 or min(window) < 1:
            raise ConfigError(f'window_size is {window_size}; it takes a number or one for each of three axes')
        patch = (patch_size,) * 3 if isinstance(patch_size, int) else tuple(patch_size)
        size = (img_size,) * 3 if isinstance(img_size, int) else tuple(img_size)
        if len(patch) != 3 or len(size) != 3:
            raise ConfigError(f'img_size {size} and patch_size {patch}: volumes need three numbers')
        self.stride = tuple(p * 2 ** len(depths) for p in patch)
        self._check_size(size)
        self.embed_dim, self.num_features = embed_dim, embed_dim * 2 ** len(depths)
        self.arch_args: dict[str, Any] = {
            'img_size': list(size),
            'patch_size': list(patch),
            'in_chans': in_chans,
            'embed_dim': embed_dim,
            'depths': list(depths),
            'num_heads': list(num_heads),
            'window_size': list(window),
            'mlp_ratio': mlp_ratio,
            'qkv_bias': qkv_bias,
            'merging': merging,
            'use_v2': use_v2,
        }
        self.patch_embed = VolumePatches(TokenGrid.over(size, patch), in_chans, embed_dim)
        rates = [float(rate) for rate in torch.linspace(0, drop_path_rate, sum(depths), device='cpu')]
        self.layers = nn.Sequential(
            *(
                SwinStage3d(
                    embed_dim * 2**i,
                    rates[sum(depths[:i]) : sum(depths[: i + 1])],
                    merging,
                    use_v2,
                    num_heads=num_heads[i],
                    window=window,
                    mlp_ratio=mlp_ratio,
                    qkv_bias=qkv_bias,
                )
                for i in range(len(depths))
            )
        )
        self.norm = nn.LayerNorm(self.num_features, elementwise_affine=False)

    def forward_features(self, x: Tensor) -> Tensor:
        """`(B, C, D, H, W)` to the last map `(B, *grid / 2^stages, num_features)` after the norm."""
        self._check_size(tuple(x.shape[2:]))
        return self.norm(self.layers(self.patch_embed(x)))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def levels(self, x: Tensor) -> list[Tensor]:
        """The maps `(B, C, D, H, W)` of the patch embedding and of every stage after its merging, each normed."""
        self._check_size(tuple(x.shape[2:]))
        x = self.patch_embed(x)
        maps = [x]
        for stage in self.layers:
            x = stage(x)
            maps.append(x)
        # The width differs from level to level, and the norm has no weights, so its module serves the last one alone.
        return [F.layer_norm(m, m.shape[-1:], eps=1e-5).permute(0, 4, 1, 2, 3).contiguous() for m in maps]

    def _check_size(self, size: tuple[int, ...]) -> None:
        if len(size) != 3 or any(n < s or n % s for n, s in zip(size, self.stride, strict=True)):
            shown = ['x'.join(map(str, numbers)) for numbers in (size, self.stride)]
            raise ConfigError(
                f'input of {shown[0]} voxels: a volumetric Swin takes multiples of {shown[1]} (the patch times 2 per '
                'stage); crop or pad it'
            )


def relative_index(window: tuple[int, int, int]) -> Tensor:
    """Row of the table for every query and key of a full window, int64 `(n, n)`; positions in raster order."""
    places = torch.stack(torch.meshgrid(*(torch.arange(n) for n in window), indexing='ij')).flatten(1)
    offsets = [places[i][:, None] - places[i] + window[i] - 1 for i in range(3)]
    return (offsets[0] * (2 * window[1] - 1) + offsets[1]) * (2 * window[2] - 1) + offsets[2]


def to_windows(x: Tensor, window: tuple[int, ...]) -> Tensor:
    """`(B, D, H, W, C)` to `(B * windows, n, C)`, windows and their positions in raster order."""
    batch, *size, dim = x.shape
    (a, b, c), (i, j, k) = window, (n // w for n, w in zip(size, window, strict=True))
    return x.reshape(batch, i, a, j, b, k, c, dim).permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, a * b * c, dim)


def from_windows(windows: Tensor, window: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    """The inverse of `to_windows`; `shape` is `(B, D, H, W)`."""
    batch, *size = shape
    (a, b, c), (i, j, k) = window, (n // w for n, w in zip(size, window, strict=True))
    x = windows.reshape(batch, i, j, k, a, b, c, -1).permute(0, 1, 4, 2, 5, 3, 6, 7)
    return x.reshape(*shape, windows.shape[-1])


def blocked_pairs(size: tuple[int, ...], window: tuple[int, ...], shift: tuple[int, ...], device: Any) -> Tensor:
    """BLOCKED where two positions of a window lay apart before the cyclic shift, else 0: `(windows, n, n)`."""
    label = torch.zeros(1, *size, 1, device=device)
    for axis, (n, w, s) in enumerate(zip(size, window, shift, strict=True)):
        at = torch.arange(n, device=device)
        part = (at >= n - w).float() + (at >= n - s).float() if s else torch.zeros(n, device=device)
        label = label * 3 + part.reshape([n if i == axis + 1 else 1 for i in range(5)])
    label = to_windows(label, window)[..., 0]
    return (label[:, :, None] != label[:, None]).float() * BLOCKED


SIZES = {'tiny': 12, 'small': 24, 'base': 48, 'large': 96, 'huge': 192}
"""Width of the first stage: SwinUNETR's tiny, small and base; large and huge as in VoCo."""


def _entry(size: str) -> Callable[..., SwinTransformer3d]:
    def build(pretrained: bool = False, pretrained_cfg: Any = None, **args) -> SwinTransformer3d:
        own = {k: v for k, v in args.items() if k not in ('pretrained_cfg_overlay', 'cache_dir')}
        return SwinTransformer3d(**{'embed_dim': SIZES[size], **own})

    build.__name__ = f'swin3d_{size}_patch2'
    return build


for _size in SIZES:
    register_model(_entry(_size))

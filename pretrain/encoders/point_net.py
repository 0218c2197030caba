"""Transformers over groups of points: `(B, N, 3)` in, one token per group out.

A small PointNet makes a token of each group, an MLP makes its position of the group's centre, and plain transformer
blocks follow (Point-BERT, Point-MAE, MaskPoint). The networks are in timm's registry as `point_small` and so on; the
blocks are timm's, so those of an image transformer of the same width fit.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import trunc_normal_
from timm.models import register_model
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.points import Groups, group_points

POSITIONS = ('every', 'once')


class BatchNorm(nn.BatchNorm1d):
    """Batch norm whose running statistics are, up to the tenth batch, the mean over the batches seen.

    torch begins with a variance of 1 and forgets it by a tenth per batch. Offsets within a group have variances of 1e-5
    after the first layer, so that after a hundred batches evaluation would still divide by a multiple of what training
    divides by. From the tenth batch on the two are the same rule, and for long trainings the same numbers.
    """

    def __init__(self, channels: int):
        super().__init__(channels)
        self._seen: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        if self.training:
            if self._seen is None:  # once per start: this waits for the device
                self._seen = int(self.num_batches_tracked) if self.num_batches_tracked is not None else 0
            self._seen += 1
            self.momentum = max(0.1, 1 / self._seen)
        return super().forward(input)

    def _load_from_state_dict(self, *args, **kwargs) -> None:
        self._seen = None
        super()._load_from_state_dict(*args, **kwargs)


class GroupEmbed(nn.Module):
    """A PointNet of two stages: neighbours `(B, G, K, C)` to `(B, G, D)`, whatever their order.

    Point-MAE's `Encoder` (models/Point_MAE.py): C-128-256, the group's maximum beside every point, 512-512-`width`,
    and the maximum again. `inner`: the three hidden widths.
    """

    def __init__(self, width: int, in_chans: int = 3, inner: Sequence[int] = (128, 256, 512)):
        super().__init__()
        first, second, hidden = inner
        self.width = width
        self.first_conv = _pair(in_chans, first, second)
        self.second_conv = _pair(2 * second, hidden, width)

    def forward(self, neighbours: Tensor) -> Tensor:
        batch, groups, size, channels = neighbours.shape
        inwards, norm, relu, outwards = self.first_conv
        points = _dense(outwards, relu(norm(_dense(inwards, neighbours.reshape(-1, channels)))))
        points = points.unflatten(0, (-1, size))
        inwards, norm, relu, outwards = self.second_conv
        # Over [maximum, point]. The part of the maximum is computed once for a group, not at each of its points.
        of_whole, of_point = inwards.weight.squeeze(2).split(points.shape[-1], dim=1)
        joined = F.linear(points, of_point, inwards.bias) + F.linear(points.amax(1, keepdim=True), of_whole)
        x = _dense(outwards, relu(norm(joined.flatten(0, 1))))
        return x.reshape(batch, groups, size, self.width).amax(2)


def _pair(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Convolutions by name, as in published files."""
    return nn.Sequential(
        nn.Conv1d(inputs, hidden, 1), BatchNorm(hidden), nn.ReLU(inplace=True), nn.Conv1d(hidden, outputs, 1)
    )


def _dense(conv: nn.Conv1d, points: Tensor) -> Tensor:
    """A convolution of width 1 over rows `(N, C)`: one product of matrices, where conv1d makes one for each group."""
    return F.linear(points, conv.weight.squeeze(2), conv.bias)


def position_mlp(width: int, hidden: int = 128) -> nn.Sequential:
    """Positions of centres: 3 to `hidden` to `width`, GELU between."""
    return nn.Sequential(nn.Linear(3, hidden), nn.GELU(), nn.Linear(hidden, width))


def init_weights(module: nn.Module) -> None:
    """Linear and 1x1 convolutions normal with std 0.02 cut at two of it, biases 0; norms keep their ones."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Conv1d)):
            trunc_normal_(part.weight, std=0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


class PointTransformer(nn.Module):
    """The network behind Point-MAE, Point-BERT and MaskPoint.

    Args:
        num_groups, group_size: G and K. No tensor depends on them: a cloud may be cut otherwise than in pre-training.
        embed_dim, depth, num_heads, mlp_ratio, qkv_bias: of the blocks; LayerNorms have epsilon 1e-5.
        group_inner: hidden widths of the group embedding.
        group_width: of its output. None: `embed_dim`. Otherwise a linear layer follows (Point-BERT: 256).
        class_token: a token in front, with a learned position of its own.
        position: 'every', added before every block as in the published networks, or 'once', as in image transformers.
        skip_near_origin: see `farthest_points`.
        num_classes: 0; heads live elsewhere.
    """

    cls_token: nn.Parameter | None
    cls_pos: nn.Parameter | None

    def __init__(
        self,
        num_groups: int = 64,
        group_size: int = 32,
        embed_dim: int = 384,
        depth: int = 12,
        num_heads: int = 6,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        group_inner: Sequence[int] = (128, 256, 512),
        group_width: int | None = None,
        class_token: bool = False,
        position: str = 'every',
        skip_near_origin: bool = False,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 0,
    ):
        super().__init__()
        if position not in POSITIONS:
            raise ConfigError(f'position is {position!r}; allowed for points: {", ".join(POSITIONS)}')
        if in_chans != 3 or num_classes:
            raise ConfigError(f'in_chans={in_chans}, num_classes={num_classes}: point networks take xyz and no classes')
        if embed_dim % num_heads:
            raise ConfigError(f'embed_dim is {embed_dim}; it must be a multiple of num_heads={num_heads}')
        self.num_groups, self.group_size, self.skip_near_origin = num_groups, group_size, skip_near_origin
        self.embed_dim = self.num_features = embed_dim
        self.num_tokens = num_groups
        self.position = position
        self.patch_embed = GroupEmbed(group_width or embed_dim, inner=group_inner)
        self.reduce_dim = nn.Linear(group_width, embed_dim) if group_width else nn.Identity()
        self.pos_mlp = position_mlp(embed_dim)
        self.register_parameter('cls_token', None)
        self.register_parameter('cls_pos', None)
        rates = torch.linspace(0, drop_path_rate, depth, device='cpu').tolist()
        self.blocks = nn.ModuleList(
            Block(embed_dim, num_heads, mlp_ratio, qkv_bias=qkv_bias, drop_path=rate, norm_layer=nn.LayerNorm)
            for rate in rates
        )
        self.norm = nn.LayerNorm(embed_dim)
        init_weights(self)
        if class_token:
            self.add_class_token()

    @property
    def num_prefix_tokens(self) -> int:
        return 0 if self.cls_token is None else 1

    def add_class_token(self) -> None:
        """Give the network a fresh class token with its position; pre-training may have had none (Point-MAE)."""
        device = self.norm.weight.device
        self.cls_token, self.cls_pos = (
            nn.Parameter(trunc_normal_(torch.zeros(1, 1, self.embed_dim, device=device), std=0.02)) for _ in range(2)
        )

    def group(self, points: Tensor) -> Groups:
        """`(B, N, 3)` cut into this network's groups. Raises ConfigError for too few points or another shape."""
        if points.dim() != 3 or points.shape[-1] != 3:
            raise ConfigError(f'points of shape {tuple(points.shape)}; expected (B, N, 3)')
        return group_points(points, self.num_groups, self.group_size, self.skip_near_origin)

    def embed(self, groups: Groups) -> tuple[Tensor, Tensor]:
        """Tokens and positions of all groups, both `(B, G, D)`."""
        return self.reduce_dim(self.patch_embed(groups.neighbours)), self.pos_mlp(groups.centres)

    def prepend_class(self, x: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        if self.cls_token is None or self.cls_pos is None:
            return x, position
        token, place = (t.expand(len(x), -1, -1) for t in (self.cls_token, self.cls_pos))
        return torch.cat([token.to(x.dtype), x], 1), torch.cat([place.to(position.dtype), position], 1)

    def encode(self, x: Tensor, position: Tensor, take: Sequence[int] = ()) -> tuple[Tensor, list[Tensor]]:
        """Tokens through all blocks and the final norm; second, the normed tokens after the blocks in `take`."""
        taken = []
        for i, block in enumerate(self.blocks):
            x = block(x + position if i == 0 or self.position == 'every' else x)
            if i in take:
                taken.append(self.norm(x))
        return self.norm(x), taken

    def forward_features(self, points: Tensor | Groups) -> Tensor:
        """`(B, N, 3)`, or groups, to `(B, prefix + G, D)` after the final norm, in the order of the centres."""
        groups = self.group(points) if isinstance(points, Tensor) else points
        return self.encode(*self.prepend_class(*self.embed(groups)))[0]

    def forward(self, points: Tensor | Groups) -> Tensor:
        return self.forward_features(points)


SIZES = {'tiny': (192, 12, 3), 'small': (384, 12, 6), 'base': (768, 12, 12)}
"""Width, depth and heads; small is that of all published networks."""


def _entry(size: str) -> Callable[..., PointTransformer]:
    width, depth, heads = SIZES[size]

    def build(pretrained: bool = False, pretrained_cfg: Any = None, **args) -> PointTransformer:
        shape = {'embed_dim': width, 'depth': depth, 'num_heads': heads}
        foreign = ('pretrained_cfg_overlay', 'cache_dir')
        return PointTransformer(**{**shape, **{k: v for k, v in args.items() if k not in foreign}})

    build.__name__ = f'point_{size}'
    return build


for _size in SIZES:
    register_model(_entry(_size))

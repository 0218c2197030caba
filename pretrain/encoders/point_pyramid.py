"""Point-M2AE's network: levels of groups, each with its own width and blocks; `point_pyramid_small` for timm.

Widths, depths, groups, layers and the order of its steps are Point-M2AE's (cfgs/pre-training/point-m2ae.yaml,
models/Point_M2AE.py, models/modules.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from timm.models import register_model
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from pretrain.encoders.point_net import GroupEmbed, init_weights, position_mlp
from pretrain.errors import ConfigError
from pretrain.points import Groups, gather_points, group_points


@dataclass
class Pyramid:
    """Groups of all levels, finest first; those of level i are made of the centres of level i - 1."""

    levels: list[Groups]

    def __len__(self) -> int:
        return len(self.levels[0])

    @property
    def device(self) -> torch.device:
        return self.levels[0].device

    @property
    def centres(self) -> Tensor:
        """Of the coarsest level."""
        return self.levels[-1].centres

    def visible(self, coarsest: Tensor) -> list[Tensor]:
        """Which groups of every level are visible, bool `(B, G_i)`, from that of the coarsest level.

        A finer group is visible where a visible coarser group contains it (Point-M2AE's back-projection).
        """
        found = [coarsest]
        for finer, level in zip(self.levels[-2::-1], self.levels[:0:-1], strict=True):
            seen = torch.zeros(finer.centres.shape[:2], dtype=torch.long, device=self.device)
            hits = found[0].unsqueeze(-1).expand_as(level.index).long()
            seen = seen.scatter_reduce(1, level.index.flatten(1), hits.flatten(1), 'amax')
            found.insert(0, seen.bool())
        return found


class PointStage(nn.Module):
    """The embedding, positions, blocks and norm of one level."""

    def __init__(self, inputs: int, width: int, heads: int, rates: Sequence[float], norm: bool):
        super().__init__()
        inner = (128, 256, 512) if inputs == 3 else (inputs, inputs, width)
        self.patch_embed = GroupEmbed(width, inputs, inner)
        self.pos_mlp = position_mlp(width, width)
        self.blocks = nn.ModuleList(
            Block(width, heads, qkv_bias=False, drop_path=rate, norm_layer=nn.LayerNorm) for rate in rates
        )
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(self, neighbours: Tensor, centres: Tensor, attend: Tensor | None) -> Tensor:
        x, position = self.patch_embed(neighbours), self.pos_mlp(centres)
        for block in self.blocks:
            x = block(x + position, attend)
        return x


class PointPyramid(nn.Module):
    """Tokens of the coarsest level, in the order of its centres.

    Args:
        num_groups, group_size, widths, depths: for each level, finest first.
        num_heads: of all blocks.
        local_radius: of every level, beyond which tokens do not see each other. Point-M2AE's fine-tuning: (0.32, 0.64,
            1.28). It has no effect where groups are hidden, as in its pre-training.
        finer_norms: whether the finer levels end with a norm, which pre-training and part segmentation look at;
            classification does not, and its files have none.
    """

    def __init__(
        self,
        num_groups: Sequence[int] = (512, 256, 64),
        group_size: Sequence[int] = (16, 8, 8),
        widths: Sequence[int] = (96, 192, 384),
        depths: Sequence[int] = (5, 5, 5),
        num_heads: int = 6,
        finer_norms: bool = True,
        local_radius: Sequence[float] | None = None,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 0,
    ):
        super().__init__()
        if not len(num_groups) == len(group_size) == len(widths) == len(depths) > 1:
            raise ConfigError('num_groups, group_size, widths and depths of a point pyramid need one number per level')
        if local_radius is not None and (len(local_radius) != len(widths) or min(local_radius) <= 0):
            raise ConfigError(f'local_radius is {local_radius}; it takes one positive number for each level')
        self.local_radius = local_radius
        if in_chans != 3 or num_classes or any(w % num_heads for w in widths):
            raise ConfigError(f'point pyramid: in_chans={in_chans}, widths {tuple(widths)}, num_heads={num_heads}')
        self.num_groups, self.group_size = tuple(num_groups), tuple(group_size)
        self.widths, self.embed_dim, self.num_features = tuple(widths), widths[-1], widths[-1]
        self.num_tokens, self.num_prefix_tokens = self.num_groups[-1], 0
        rates = torch.linspace(0, drop_path_rate, sum(depths), device='cpu').tolist()
        self.stages = nn.ModuleList()
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            inputs = 3 if i == 0 else widths[i - 1]
            norm = finer_norms or i == len(widths) - 1
            self.stages.append(PointStage(inputs, width, num_heads, rates[:depth], norm))
            rates = rates[depth:]
        init_weights(self)

    def group(self, points: Tensor) -> Pyramid:
        """`(B, N, 3)` to groups of groups."""
        if points.dim() != 3 or points.shape[-1] != 3:
            raise ConfigError(f'points of shape {tuple(points.shape)}; expected (B, N, 3)')
        levels: list[Groups] = []
        for number, size in zip(self.num_groups, self.group_size, strict=True):
            levels.append(group_points(levels[-1].centres if levels else points, number, size))
        return Pyramid(levels)

    def encode(self, pyramid: Pyramid, visible: list[Tensor] | None = None) -> list[Tensor]:
        """Tokens `(B, G_i, D_i)` of every level, normed where it has a norm.

        Hidden ones take no part in attention and mean nothing.
        """
        x, found = torch.empty(0), []
        for i, (stage, groups) in enumerate(zip(self.stages, pyramid.levels, strict=True)):
            neighbours = groups.neighbours if i == 0 else gather_points(x, groups.index)
            attend = self._near(i, groups.centres) if visible is None else visible[i][:, None, None, :]
            x = stage(neighbours, groups.centres, attend)
            found.append(stage.norm(x))
        return found

    def _near(self, level: int, centres: Tensor) -> Tensor | None:
        """Which tokens see which, bool `(B, 1, G, G)`."""
        if self.local_radius is None:
            return None
        distance = torch.cdist(centres, centres, compute_mode='donot_use_mm_for_euclid_dist')
        return (distance < self.local_radius[level]).unsqueeze(1)

    def forward_features(self, points: Tensor | Pyramid) -> Tensor:
        """`(B, N, 3)`, or groups, to `(B, G, D)` of the coarsest level after its norm."""
        pyramid = self.group(points) if isinstance(points, Tensor) else points
        return self.encode(pyramid)[-1]

    def forward(self, points: Tensor | Pyramid) -> Tensor:
        return self.forward_features(points)


@register_model
def point_pyramid_small(pretrained: bool = False, pretrained_cfg: Any = None, **args) -> PointPyramid:
    return PointPyramid(**{k: v for k, v in args.items() if k not in ('pretrained_cfg_overlay', 'cache_dir')})

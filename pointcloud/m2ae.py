"""Point-M2AE: the mask of the coarsest groups is carried to all levels; hidden groups of the middle are predicted.

Facts: models/Point_M2AE.py and models/modules.py of ZrrSkywalker/Point-M2AE.
"""

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from pointcloud.model import MaskedPoints, PointPreprocessor
from pointcloud.pictures import draw_clouds
from pointcloud.segmentation import interpolate
from pretrain.encoders.base import mask_token
from pretrain.encoders.point_net import BatchNorm, position_mlp
from pretrain.encoders.point_pyramid import Pyramid
from pretrain.heads import Head
from pretrain.mask import Mask
from pretrain.model import TrainableModel
from pretrain.points import chamfer
from pretrain.registry import MODELS


class Propagation(nn.Module):
    """Tokens of a coarser level carried to a finer one, whose own are beside them; then a residual layer.

    `PointNetFeaturePropagation` of Point-M2AE models/modules.py with one block.
    """

    def __init__(self, coarse: int, fine: int):
        super().__init__()
        self.fuse = nn.Sequential(nn.Conv1d(coarse + fine, fine, 1), BatchNorm(fine), nn.GELU())
        self.inner = nn.Sequential(
            nn.Conv1d(fine, fine, 1), BatchNorm(fine), nn.GELU(), nn.Conv1d(fine, fine, 1), BatchNorm(fine)
        )

    def forward(self, centres: Tensor, coarse_centres: Tensor, fine: Tensor, coarse: Tensor) -> Tensor:
        """Centres `(B, G, 3)` and tokens `(B, G, D)` of both levels to `(B, G, D)` of the finer one."""
        x = torch.cat([fine, interpolate(centres, coarse_centres, coarse)], dim=-1)
        x = self.fuse(x.transpose(1, 2))
        return F.gelu(x + self.inner(x)).transpose(1, 2)


@MODELS.register_module()
class PyramidDecoder(Head):
    """One block on the coarsest groups, a Propagation to the next finer ones, one block on these (Point-M2AE).

    A learned token stands for hidden groups of the coarsest level; of the finer one they begin at 0. The weights of the
    blocks begin as there, Xavier's uniform, all others as torch's.

    Args:
        widths: of encoder and decoder at the coarsest and the next level, (384, 192) as published; filled in.
        heads: of both blocks.
        drop_path_rate: of the second block; the first has none.
    """

    def __init__(self, widths: tuple[int, int] = (384, 192), heads: int = 6, drop_path_rate: float = 0.0, **shape):
        super().__init__(**shape)
        self.mask_token = mask_token(widths[0])
        self.positions = nn.ModuleList(position_mlp(width, width) for width in widths)
        self.blocks = nn.ModuleList(
            Block(width, heads, qkv_bias=False, drop_path=rate, norm_layer=nn.LayerNorm)
            for width, rate in zip(widths, (0.0, drop_path_rate), strict=True)
        )
        self.propagation = Propagation(*widths)
        self.norm = nn.LayerNorm(widths[1])
        self.prediction = nn.Linear(widths[1], shape['out_width'])
        for part in self.blocks.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, levels: list[Tensor], visible: list[Tensor], pyramid: Pyramid) -> Tensor:  # type: ignore[override]
        """The two coarsest levels to `(B, G, P)` for the groups of the finer of them."""
        fine_centres, centres = (level.centres for level in pyramid.levels[-2:])
        coarse = torch.where(visible[-1].unsqueeze(-1), levels[-1], self.mask_token.to(levels[-1].dtype))
        coarse = self.blocks[0](coarse + self.positions[0](centres))
        fine = torch.where(visible[-2].unsqueeze(-1), levels[-2], 0.0)
        fine = self.propagation(fine_centres, centres, fine, coarse)
        fine = self.blocks[1](fine + self.positions[1](fine_centres))
        return self.prediction(self.norm(fine))


@MODELS.register_module()
class MaskedPyramid(MaskedPoints):
    """Point-M2AE over `(B, N, 3)`.

    Args:
        num_points: N.
        masking: on the coarsest groups, 80 % as published.
        encoder: a PyramidEncoder.
        head: a PyramidDecoder.
    """

    def __init__(self, masking: dict, encoder: dict, head: dict, num_points: int = 2048):
        TrainableModel.__init__(self, (num_points,), 3, (0.0,) * 3, (1.0,) * 3)
        self.masking = MODELS.build(masking)
        self.encoder = MODELS.build(dict(encoder, image_size=(num_points,), channels=3))
        self.grid, self.teacher, self.targets = self.encoder.grid, None, nn.ModuleList()
        net = self.encoder.net
        for stage in net.stages[:-2]:  # nothing looks at finer tokens but the next level, before the norm
            stage.norm.requires_grad_(False)
        self.group_size = net.group_size[-2]
        shape = {'in_width': net.embed_dim, 'out_width': 3 * self.group_size, 'grid': self.grid}
        self.head = MODELS.build({'widths': (net.widths[-1], net.widths[-2]), **head, **shape})
        self.data_preprocessor = PointPreprocessor(net)

    def loss(self, batch: dict) -> dict[str, Tensor]:
        prediction, hidden = self.fine_predictions(batch, self.draw_mask(batch))
        goal = batch['groups'].levels[-2].neighbours
        distance = chamfer(prediction.flatten(0, 1), goal.flatten(0, 1)).view(hidden.shape)
        return {'loss': torch.where(hidden, distance, 0.0).sum() / hidden.sum().clamp(min=1)}

    def fine_predictions(self, batch: dict, mask: Mask) -> tuple[Tensor, Tensor]:
        """Predicted points `(B, G, K, 3)` of the middle level, and which of its groups are hidden, `(B, G)`."""
        levels, visible = self.encoder.levels(batch['groups'], mask)
        prediction = self.head(levels, visible, batch['groups']).float()
        return prediction.unflatten(-1, (self.group_size, 3)), ~visible[-2]

    @torch.no_grad()
    def pictures(self, batch: dict) -> dict[str, Tensor]:
        prediction, hidden = self.fine_predictions(batch, self.draw_mask(batch))
        groups = batch['groups'].levels[-2]
        own, told = (x + groups.centres.unsqueeze(2) for x in (groups.neighbours, prediction))
        gone = hidden[:, :, None, None]
        columns = {
            'original': batch['points'],
            'masked': own.masked_fill(gone, torch.nan).flatten(1, 2),
            'reconstruction': torch.where(gone, told, own).flatten(1, 2),
            'prediction': told.masked_fill(~gone, torch.nan).flatten(1, 2),
        }
        return {name: draw_clouds(points, batch['points'], up=batch.get('up')) for name, points in columns.items()}

"""Point-M2AE: the mask of the coarsest groups is carried to all levels; hidden groups of the middle are predicted."""

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from pointcloud.model import MaskedPoints, PointPreprocessor
from pointcloud.pictures import check_up, draw_clouds
from pointcloud.segmentation import interpolate
from pretrain.encoders.base import mask_token
from pretrain.encoders.point_net import init_weights, position_mlp
from pretrain.encoders.point_pyramid import Pyramid
from pretrain.heads import Head
from pretrain.mask import Mask
from pretrain.model import TrainableModel
from pretrain.points import chamfer
from pretrain.registry import MODELS


@MODELS.register_module()
class PyramidDecoder(Head):
    """One block on the coarsest groups, then one on the next finer, whose tokens come from the coarser and the encoder.

    An approximation of Point-M2AE's decoder: depths 1 and 1 and the widths are published, the layers between the levels
    are not in our source.

    Args:
        widths: of encoder and decoder at the coarsest and the next level, (384, 192) as published; filled in.
        heads: of both blocks.
    """

    def __init__(self, widths: tuple[int, int] = (384, 192), heads: int = 6, **shape):
        super().__init__(**shape)
        self.tokens = nn.ParameterList([mask_token(width) for width in widths])
        self.positions = nn.ModuleList(position_mlp(width, width) for width in widths)
        self.blocks = nn.ModuleList(Block(w, heads, qkv_bias=False, norm_layer=nn.LayerNorm) for w in widths)
        self.down = nn.Linear(sum(widths), widths[1])
        self.norm = nn.LayerNorm(widths[1])
        self.prediction = nn.Linear(widths[1], shape['out_width'])
        init_weights(self)

    def forward(self, levels: list[Tensor], visible: list[Tensor], pyramid: Pyramid) -> Tensor:  # type: ignore[override]
        """The two coarsest levels to `(B, G, P)` for the groups of the finer of them."""
        coarse, fine = (
            torch.where(seen.unsqueeze(-1), x, token.to(x.dtype))
            for x, seen, token in zip(levels[:-3:-1], visible[:-3:-1], self.tokens, strict=True)
        )
        centres = [level.centres for level in pyramid.levels[:-3:-1]]
        coarse = self.blocks[0](coarse + self.positions[0](centres[0]))
        fine = self.down(torch.cat([interpolate(centres[1], centres[0], coarse), fine], dim=-1))
        fine = self.blocks[1](fine + self.positions[1](centres[1]))
        return self.prediction(self.norm(fine))


@MODELS.register_module()
class MaskedPyramid(MaskedPoints):
    """Point-M2AE over `(B, N, 3)`.

    Args:
        num_points: N.
        masking: on the coarsest groups, 80 % as published.
        encoder: a PyramidEncoder.
        head: a PyramidDecoder.
        up: as in MaskedPoints.
    """

    def __init__(self, masking: dict, encoder: dict, head: dict, num_points: int = 2048, up: str = 'y'):
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
        self.up = check_up(up)

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
        }
        return {name: draw_clouds(points, batch['points'], up=self.up) for name, points in columns.items()}

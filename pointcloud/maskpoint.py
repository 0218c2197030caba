"""MaskPoint: from a tenth of the groups, tell points of the surface from random points in space.

Facts: models/MaskPoint.py, models/transformer.py and cfgs/pretrain_shapenet.yaml of haotian-liu/MaskPoint. The momentum
contrast of its code is left out: the published recipe switches it off.
"""

import torch
import torch.nn.functional as F
from timm.layers import DropPath, Mlp
from torch import Tensor, nn

from pointcloud.model import MaskedPoints
from pointcloud.pictures import draw_clouds
from pretrain.encoders.point_net import init_weights
from pretrain.errors import ConfigError
from pretrain.heads import Head
from pretrain.mask import Mask
from pretrain.points import Groups, farthest_points, gather_points, nearest_points
from pretrain.registry import MODELS


class CrossBlock(nn.Module):
    """Attention of queries to tokens, then an MLP.

    Queries are normed; tokens, which come from the encoder's norm, are not. The positions of both are added for the
    comparison alone, not to what is read. No biases of query, key and value.
    """

    def __init__(self, width: int, heads: int, drop_path: float = 0.0):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.projection = nn.Linear(width, width)
        self.mlp = Mlp(width, 4 * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, position: Tensor, tokens: Tensor, places: Tensor) -> Tensor:
        """Queries `(B, Q, D)`, tokens `(B, V, D)` and the positions of each, in its shape."""
        inputs = self.query(self.norm1(x) + position), self.key(tokens + places), self.value(tokens)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in inputs)
        found = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.drop_path(self.projection(found))
        return x + self.drop_path(self.mlp(self.norm2(x)))


@MODELS.register_module()
class PointDiscriminator(Head):
    """Queries, known by their position alone, look at the visible tokens through `depth` blocks (1 as published).

    Each gets two scores, for fake and for real, by an MLP of `hidden` (64) between. Queries do not see each other, so
    the scores say nothing about the other queries.
    """

    def __init__(self, depth: int = 1, heads: int = 6, hidden: int = 64, drop_path_rate: float = 0.0, **shape):
        super().__init__(**shape)
        width = shape['in_width']
        rates = torch.linspace(0, drop_path_rate, depth, device='cpu').tolist()
        self.blocks = nn.ModuleList(CrossBlock(width, heads, rate) for rate in rates)
        self.prediction = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, 2))
        init_weights(self)

    def forward(self, position: Tensor, tokens: Tensor, places: Tensor) -> Tensor:  # type: ignore[override]
        """Positions of the queries `(B, Q, D)`, visible tokens and theirs `(B, prefix + V, D)` to `(B, Q, 2)`."""
        x = torch.zeros_like(position)
        for block in self.blocks:
            x = block(x, position, tokens, places)
        return self.prediction(x)


@MODELS.register_module()
class DiscriminatedPoints(MaskedPoints):
    """MaskPoint on clouds.

    Real queries are farthest points of the cloud, fake ones uniform in the box around these. A fake one that is nearer
    to the cloud than the mean distance of a real one to its nearest neighbour is neither, and counts nothing. One MLP,
    the encoder's, makes the positions of groups and queries.

    Args:
        real, fake: queries of each kind, 256 and 256.
        alpha, gamma: of the focal loss, 0.25 and 2; alpha is the weight of the score that should be high.
        parts: `masking`, `encoder`, `head` (a PointDiscriminator).
    """

    def __init__(self, real: int = 256, fake: int = 256, alpha: float = 0.25, gamma: float = 2.0, **parts):
        if min(real, fake) < 2:
            raise ConfigError(f'model.real={real}, fake={fake}; both kinds of queries are needed, at least two each')
        super().__init__(target=[], loss=[], **parts)
        self.real, self.fake, self.alpha, self.gamma = real, fake, alpha, gamma

    def loss(self, batch: dict) -> dict[str, Tensor]:
        queries, is_real, counts = self.draw_queries(batch['points'])
        scores = self.scores(batch['groups'], self.draw_mask(batch), queries).float()
        each = focal_loss(scores, torch.stack([~is_real, is_real], dim=-1), self.alpha, self.gamma).mean(-1)
        right = ((scores[..., 1] > scores[..., 0]) == is_real).float().detach()
        number = counts.sum()  # real ones always count
        return {'loss': (each * counts).sum() / number, 'accuracy': (right * counts).sum() / number}

    def scores(self, groups: Groups, mask: Mask, queries: Tensor) -> Tensor:
        """`(B, Q, 2)`, of being fake and of being real."""
        net = self.encoder.net
        tokens = self.encoder(groups, mask)
        _, places = net.prepend_class(
            tokens[:, self.encoder.num_prefix :], net.pos_mlp(mask.gather_visible(groups.centres))
        )
        return self.head(net.pos_mlp(queries), tokens, places)

    def draw_queries(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries `(B, Q, 3)`, which of them are real, and which of them count, both bool `(B, Q)`."""
        batch = len(points)
        real = gather_points(points, farthest_points(points, self.real))
        low, high = real.amin(1, keepdim=True), real.amax(1, keepdim=True)
        fake = low + (high - low) * torch.rand(batch, self.fake, 3, device=points.device)
        apart = nearest_points(real, real, 2)[0][..., 1].sqrt().mean(1, keepdim=True)
        clear = nearest_points(fake, points, 1)[0].squeeze(-1).sqrt() >= apart
        is_real = (torch.arange(self.real + self.fake, device=points.device) < self.real).expand(batch, -1)
        return (
            torch.cat([real, fake], dim=1),
            is_real,
            torch.cat([torch.ones_like(is_real[:, : self.real]), clear], dim=1),
        )

    @torch.no_grad()
    def pictures(self, batch: dict) -> dict[str, Tensor]:
        mask, groups = self.draw_mask(batch), batch['groups']
        queries, is_real, _ = self.draw_queries(batch['points'])
        scores = self.scores(groups, mask, queries)
        taken = scores[..., 1] > scores[..., 0]
        own = groups.neighbours + groups.centres.unsqueeze(2)
        columns = {
            'original': batch['points'],
            'masked': own.masked_fill(mask.hidden[:, :, None, None], torch.nan).flatten(1, 2),
            'real queries': queries.masked_fill(~is_real.unsqueeze(-1), torch.nan),
            'taken for real': queries.masked_fill(~taken.unsqueeze(-1), torch.nan),
        }
        return {name: draw_clouds(points, batch['points'], up=batch.get('up')) for name, points in columns.items()}

    def _out_width(self) -> int:
        return 2


def focal_loss(scores: Tensor, positive: Tensor, alpha: float, gamma: float) -> Tensor:
    """`-a (1 - p)^gamma log p` of each, p the probability of the truth, a alpha or 1 - alpha (Lin et al. 2017)."""
    target = positive.to(scores.dtype)
    entropy = F.binary_cross_entropy_with_logits(scores, target, reduction='none')
    weight = torch.where(positive, alpha, 1 - alpha)
    return weight * (1 - torch.exp(-entropy)) ** gamma * entropy

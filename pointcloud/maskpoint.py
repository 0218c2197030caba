"""MaskPoint: from a tenth of the groups, tell points of the hidden surface from random points in space."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointcloud.model import MaskedPoints
from pointcloud.pictures import draw_clouds
from pretrain.encoders.point_net import init_weights, position_mlp
from pretrain.errors import ConfigError
from pretrain.heads import Head
from pretrain.mask import Mask
from pretrain.points import Groups
from pretrain.registry import MODELS


class CrossBlock(nn.Module):
    """Attention of queries to tokens, then an MLP, both with a norm before and a residual path."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm_query, self.norm_tokens, self.norm = (nn.LayerNorm(width) for _ in range(3))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        tokens = self.norm_tokens(tokens)
        x = x + self.attention(self.norm_query(x), tokens, tokens, need_weights=False)[0]
        return x + self.mlp(self.norm(x))


@MODELS.register_module()
class PointDiscriminator(Head):
    """Queries, points of space, look at the visible tokens through `depth` blocks (1 as published); one score each.

    Queries do not see each other, so a score says nothing about the other queries.
    """

    def __init__(self, depth: int = 1, heads: int = 6, **shape):
        super().__init__(**shape)
        width = shape['in_width']
        self.query = position_mlp(width)
        self.position = position_mlp(width)
        self.blocks = nn.ModuleList(CrossBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.prediction = nn.Linear(width, 1)
        init_weights(self)

    def forward(self, latents: Tensor, centres: Tensor, queries: Tensor) -> Tensor:  # type: ignore[override]
        """`(B, prefix + V, D)`, centres of visible groups `(B, V, 3)` and queries `(B, Q, 3)` to `(B, Q)`."""
        place = F.pad(self.position(centres), (0, 0, self.num_prefix, 0))
        x, tokens = self.query(queries), latents + place
        for block in self.blocks:
            x = block(x, tokens)
        return self.prediction(self.norm(x)).squeeze(-1)


@MODELS.register_module()
class DiscriminatedPoints(MaskedPoints):
    """MaskPoint on clouds. Drop ratio, numbers of queries, decoder depth and focal loss are published.

    An approximation: real queries are random points of the cloud, fake ones uniform in the box around it, and no
    fake query is left out for being near the surface; our source does not tell the published rule.

    Args:
        real, fake: queries of each kind, 256 and 256.
        alpha, gamma: of the focal loss, 0.25 and 2; alpha is the weight of real points.
        parts: `masking`, `encoder`, `head` (a PointDiscriminator).
    """

    def __init__(self, real: int = 256, fake: int = 256, alpha: float = 0.25, gamma: float = 2.0, **parts):
        if min(real, fake) < 1:
            raise ConfigError(f'model.real={real}, fake={fake}; both kinds of queries are needed')
        super().__init__(target=[], loss=[], **parts)
        self.real, self.fake, self.alpha, self.gamma = real, fake, alpha, gamma

    def loss(self, batch: dict) -> dict[str, Tensor]:
        queries, is_real = self.draw_queries(batch['points'])
        scores = self.scores(batch['groups'], self.draw_mask(batch), queries).float()
        loss = focal_loss(scores, is_real, self.alpha, self.gamma)
        return {'loss': loss, 'accuracy': ((scores > 0) == is_real).float().mean().detach()}

    def scores(self, groups: Groups, mask: Mask, queries: Tensor) -> Tensor:
        """`(B, Q)`, positive for real."""
        return self.head(self.encoder(groups, mask), mask.gather_visible(groups.centres), queries)

    def draw_queries(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Queries `(B, Q, 3)` and which of them are real, bool `(B, Q)`."""
        batch, number = points.shape[:2]
        chosen = torch.rand(batch, number, device=points.device).argsort(1)[:, : self.real]
        real = points.gather(1, chosen.unsqueeze(-1).expand(-1, -1, 3))
        low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
        fake = low + (high - low) * torch.rand(batch, self.fake, 3, device=points.device)
        is_real = torch.arange(real.shape[1] + self.fake, device=points.device) < real.shape[1]
        return torch.cat([real, fake], dim=1), is_real.expand(batch, -1)

    @torch.no_grad()
    def pictures(self, batch: dict) -> dict[str, Tensor]:
        mask, groups = self.draw_mask(batch), batch['groups']
        queries, is_real = self.draw_queries(batch['points'])
        taken = self.scores(groups, mask, queries) > 0
        own = groups.neighbours + groups.centres.unsqueeze(2)
        columns = {
            'original': batch['points'],
            'masked': own.masked_fill(mask.hidden[:, :, None, None], torch.nan).flatten(1, 2),
            'real queries': queries.masked_fill(~is_real.unsqueeze(-1), torch.nan),
            'taken for real': queries.masked_fill(~taken.unsqueeze(-1), torch.nan),
        }
        return {name: draw_clouds(points, batch['points'], up=self.up) for name, points in columns.items()}

    def _out_width(self) -> int:
        return 1


def focal_loss(scores: Tensor, positive: Tensor, alpha: float, gamma: float) -> Tensor:
    """Mean of `-a (1 - p)^gamma log p`, p the probability of the truth, a alpha or 1 - alpha (Lin et al. 2017)."""
    target = positive.to(scores.dtype)
    entropy = F.binary_cross_entropy_with_logits(scores, target, reduction='none')
    weight = torch.where(positive, alpha, 1 - alpha)
    return (weight * (1 - torch.exp(-entropy)) ** gamma * entropy).mean()

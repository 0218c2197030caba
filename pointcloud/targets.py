"""What Point-MAE predicts, and how far off it is: the points of a group around their centre, by Chamfer distance."""

import torch
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.losses import TokenLoss
from pretrain.mask import Mask
from pretrain.points import NORMS, chamfer
from pretrain.registry import MODELS


class PointTarget(nn.Module):
    """A target over groups; the model fills in their number and size.

    Args:
        dim: values predicted per group.
        groups, group_size: G and K.
    """

    def __init__(self, dim: int, groups: int, group_size: int):
        super().__init__()
        self.dim, self.grid, self.group_size = dim, TokenGrid((groups,)), group_size

    def view(self, prediction: Tensor, batch: dict, mask: Mask) -> Tensor:
        return prediction


@MODELS.register_module()
class GroupPoints(PointTarget):
    """The K points of every group relative to its centre, `(B, G, 3K)` with xyz fastest."""

    def __init__(self, groups: int, group_size: int):
        super().__init__(3 * group_size, groups, group_size)

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        return batch['groups'].neighbours.flatten(2)

    def to_points(self, prediction: Tensor, centres: Tensor) -> Tensor:
        """`(B, G, 3K)` and `(B, G, 3)` to points of the cloud `(B, G, K, 3)`."""
        return prediction.float().unflatten(-1, (self.group_size, 3)) + centres.unsqueeze(2)


@MODELS.register_module()
class ChamferLoss(TokenLoss):
    """Chamfer distance between the predicted and the true points of a group.

    Args:
        norm: 'l2' (squared; Point-MAE's published `cdl2`) or 'l1', see `pretrain.points.chamfer`.
    """

    def __init__(self, norm: str = 'l2', **reduction):
        super().__init__(**reduction)
        if norm not in NORMS:
            raise ConfigError(f'loss.norm is {norm!r}; allowed: {", ".join(NORMS)}')
        self.norm = norm

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        sets = [x.flatten(0, 1).unflatten(-1, (-1, 3)) for x in (prediction, goal)]
        return chamfer(*sets, norm=self.norm).view(goal.shape[:2])

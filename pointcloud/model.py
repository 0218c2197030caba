"""Masked pre-training on point clouds: the masked model of the core, whose tokens are groups of points."""

import torch
from torch import Tensor, nn

from pointcloud.pictures import draw_clouds
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.model import MaskedModel
from pretrain.points import Groups
from pretrain.registry import MODELS


class PointPreprocessor(nn.Module):
    """A collated batch on the model's device, its clouds `points` `(B, N, 3)` also cut into `groups`.

    Args:
        net: the point network that says how; None leaves clouds whole.
    """

    def __init__(self, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer('place', torch.zeros(()), persistent=False)
        self.cut = None if net is None else net.group

    def forward(self, batch: dict, training: bool = False) -> dict:
        device = self.place.device
        out = {k: v.to(device, non_blocking=True) if isinstance(v, Tensor) else v for k, v in batch.items()}
        if self.cut is not None:
            out['groups'] = self.cut(out['points'])
        return out


@MODELS.register_module()
class MaskedPoints(MaskedModel):
    """MaskedModel over `(B, N, 3)`: Point-MAE, and Point-BERT's prediction of tokens.

    Args:
        num_points: N of a cloud.
        parts: those of MaskedModel: `masking`, `encoder` (a PointEncoder), `head`, `target`, `loss`.
    """

    entry = 'groups'

    def __init__(self, num_points: int = 1024, **parts):
        super().__init__(image_size=(num_points,), mean=(0.0,) * 3, std=(1.0,) * 3, **parts)
        self.data_preprocessor = PointPreprocessor(self.encoder.net)

    def draw_mask(self, batch: dict) -> Mask:
        groups = batch['groups']
        if hasattr(self.masking, 'around'):
            return self.masking.around(self.encoder.grid, groups.centres)
        return super().draw_mask(batch)

    def reconstruct(self, groups: Groups, mask: Mask) -> tuple[Tensor, Mask]:  # type: ignore[override]
        """Predictions `(B, G or M, P)` for a cut batch, and the mask."""
        latents = self.encoder(groups, mask)
        if self.head.masked_only and self.head.visible_only:
            return self.head(latents, mask, groups.centres), mask
        return self.head(latents, mask), mask

    @torch.no_grad()
    def pictures(self, batch: dict) -> dict[str, Tensor]:
        """Columns of a contact sheet: the cloud, its visible groups, and these with the predicted ones."""
        found = self.predict(batch)
        groups, mask = batch['groups'], found['mask']
        own = groups.neighbours + groups.centres.unsqueeze(2)
        columns = {'original': batch['points'], 'masked': _chosen(own, mask.visible)}
        target = next((t for t in self.targets if hasattr(t, 'to_points')), None)
        if target is not None and self.head.masked_only and mask.num_predict is not None:
            predicted = target.to_points(mask.place_predicted(found['prediction']), groups.centres)
            hidden = mask.hidden[:, :, None, None]
            columns['reconstruction'] = torch.where(hidden, predicted, own).flatten(1, 2)
            columns['prediction'] = _chosen(predicted, mask.hidden)
        return {name: draw_clouds(points, batch['points'], up=batch.get('up')) for name, points in columns.items()}

    def _latent_grid(self) -> TokenGrid:
        return self.encoder.grid

    def _target(self, cfg: dict) -> nn.Module:
        net = self.encoder.net
        target = MODELS.build({'groups': net.num_groups, 'group_size': net.group_size, **cfg})
        if target.grid.size != self.grid.size:
            raise ConfigError(f'the target has {target.grid.size} groups, the encoder {self.grid.size}')
        return target


def _chosen(points: Tensor, chosen: Tensor) -> Tensor:
    """Points `(B, G, K, 3)` of the chosen groups, `(B, G * K, 3)`; the others become NaN, which is not drawn."""
    return points.masked_fill(~chosen[:, :, None, None], torch.nan).flatten(1, 2)

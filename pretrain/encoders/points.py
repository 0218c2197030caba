"""Point transformers as masked encoders; their input is a batch of clouds already cut into groups."""

import torch
from torch import Tensor

from pretrain.encoders.base import Encoder, mask_token
from pretrain.encoders.net import family
from pretrain.encoders.point_pyramid import PointPyramid, Pyramid
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.points import Groups
from pretrain.registry import MODELS


@MODELS.register_module()
class PointEncoder(Encoder):
    """A point transformer that can be given a mask over groups.

    Args:
        masked: 'drop', the tokens of hidden groups do not enter the blocks (Point-MAE, MaskPoint); 'token', a learned
            token stands for them at their position (Point-BERT). The group embedding sees all groups either way, as in
            the published code, so its batch norms count them too.
        image_size: `(N,)`, points of a cloud; the model fills it in.
    """

    ways = ('drop', 'token')
    position = 'coordinates'

    def __init__(self, arch: str, masked: str = 'drop', *, image_size, **args):
        with_defaults = {'arch': arch, 'masked': masked, 'image_size': image_size}
        super().__init__(**with_defaults, **args)
        if family(self.net) != 'points' or isinstance(self.net, PointPyramid):
            raise ConfigError(f'{arch} is no point network; use one such as point_small')
        net = self.net
        self.arch_args |= {'num_groups': net.num_groups, 'group_size': net.group_size}
        if net.num_groups > image_size[0] or net.group_size > image_size[0]:
            raise ConfigError(
                f'{net.num_groups} groups of {net.group_size} cannot be cut from {image_size[0]} points; lower '
                'model.encoder.num_groups or group_size, or raise model.num_points'
            )
        self.grid, self.stride, self.width = TokenGrid((net.num_groups,)), (), net.embed_dim
        self.num_prefix = net.num_prefix_tokens
        if masked == 'token':
            self.mask_token = mask_token(self.width)

    def forward(self, groups: Groups, mask: Mask) -> Tensor:  # type: ignore[override]  # groups instead of images
        x, position = self.net.embed(groups)
        if self.masked == 'drop':
            x, position = mask.gather_visible(x), mask.gather_visible(position)
        else:
            x = torch.where(mask.hidden.unsqueeze(-1), self.mask_token.to(x.dtype), x)
        x, position = self.net.prepend_class(x, position)
        return self.net.encode(x, position)[0]


@MODELS.register_module()
class PyramidEncoder(Encoder):
    """A point pyramid whose mask is drawn on the coarsest level and carried to the finer ones (Point-M2AE)."""

    ways = ('drop',)
    position = 'coordinates'

    def __init__(self, arch: str, masked: str = 'drop', *, image_size, **args):
        super().__init__(arch, masked, image_size=image_size, **args)
        if not isinstance(self.net, PointPyramid):
            raise ConfigError(f'{arch} is no point pyramid; use point_pyramid_small')
        self.arch_args |= {'num_groups': list(self.net.num_groups), 'group_size': list(self.net.group_size)}
        self.grid, self.stride, self.width = TokenGrid((self.net.num_tokens,)), (), self.net.embed_dim

    def levels(self, pyramid: Pyramid, mask: Mask) -> tuple[list[Tensor], list[Tensor]]:
        """Tokens `(B, G_i, D_i)` of every level, and which of them are visible, bool `(B, G_i)`."""
        visible = pyramid.visible(mask.visible)
        return self.net.encode(pyramid, visible), visible

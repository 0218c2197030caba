"""The head of Point-MAE: transformer blocks over visible and hidden groups, then xyz of each hidden group."""

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from pretrain.encoders.base import mask_token
from pretrain.encoders.point_net import init_weights, position_mlp
from pretrain.errors import ConfigError
from pretrain.heads import Head
from pretrain.mask import Mask
from pretrain.registry import MODELS


@MODELS.register_module()
class PointDecoder(Head):
    """Blocks over visible latents and mask tokens, whose positions are computed from the centres (Point-MAE).

    The position is added before every block. Predicts the tokens to predict alone, `(B, M, P)`. Its width is that of
    the latents, as published; `depth` and `heads` are 4 and 6 there.
    """

    masked_only = True

    def __init__(self, depth: int = 4, heads: int = 6, drop_path_rate: float = 0.0, **shape):
        super().__init__(**shape)
        width = shape['in_width']
        if not self.visible_only:
            raise ConfigError("PointDecoder takes the latents of visible groups; set model.encoder.masked='drop'")
        if width % heads:
            raise ConfigError(f'head.heads is {heads}; the width of the latents, {width}, must be a multiple of it')
        self.pos_mlp = position_mlp(width)
        rates = torch.linspace(0, drop_path_rate, depth, device='cpu').tolist()
        self.blocks = nn.ModuleList(
            Block(width, heads, qkv_bias=False, drop_path=rate, norm_layer=nn.LayerNorm) for rate in rates
        )
        self.norm = nn.LayerNorm(width)
        self.prediction = nn.Linear(width, shape['out_width'])
        init_weights(self)
        self.mask_token = mask_token(width)

    def forward(self, latents: Tensor, mask: Mask, centres: Tensor | None = None) -> Tensor:
        """`(B, prefix + V, D)` and the centres `(B, G, 3)` of all groups."""
        if centres is None or mask.num_predict is None:
            raise ConfigError('PointDecoder needs centres, and a masking with the same count in every sample')
        places = self.pos_mlp(centres)
        position = torch.cat([mask.gather_visible(places), mask.gather_predict(places)], dim=1)
        x = latents[:, self.num_prefix :]
        x = torch.cat([x, self.mask_token.to(x.dtype).expand(len(x), mask.num_predict, -1)], dim=1)
        for block in self.blocks:
            x = block(x + position)
        return self.prediction(self.norm(x[:, -mask.num_predict :]))

"""Heads: latents to predictions. A deep head is a decoder."""

import torch
from timm.layers import LayerNorm  # its epsilon is 1e-6, that of all published ViTs
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F

from pretrain.checkpoint.positions import FIXED, fixed
from pretrain.encoders.base import mask_token
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.registry import MODELS


class Head(nn.Module):
    """Base of all heads. The model fills in every argument; a config gives only a head's own.

    Args:
        in_width: D of the latents.
        out_width: P, values predicted per token.
        grid: the token grid of latents and predictions.
        num_prefix: prefix tokens in front of the latents; a head leaves them out of its prediction.
        visible_only: the latents are those of the visible tokens alone.

    `forward(latents, mask)` takes the mask on `grid` and gives `(B, N, P)`, or `(B, M, P)` in the order of
    `mask.predict_index` if `masked_only` is True.
    """

    masked_only = False

    def __init__(self, in_width: int, out_width: int, grid: TokenGrid, num_prefix: int = 0, visible_only: bool = False):
        super().__init__()
        self.grid, self.num_prefix, self.visible_only = grid, num_prefix, visible_only

    def _need_all_tokens(self) -> None:
        if self.visible_only:
            raise ConfigError(f"{type(self).__name__} needs all tokens; with masked='drop' use TransformerDecoder")


@MODELS.register_module()
class LinearHead(Head):
    """One linear layer on every token, or on the hidden ones alone.

    Args:
        norm: a LayerNorm first, for encoders built without their final norm (MaskFeat).
        masked_only: predict the hidden tokens alone, which saves most of the work of a large vocabulary (BEiT).
        std: of the weight's truncated normal initialisation.
    """

    def __init__(self, norm: bool = False, masked_only: bool = False, std: float = 0.02, **shape):
        super().__init__(**shape)
        self._need_all_tokens()
        self.masked_only = masked_only
        self.norm = LayerNorm(shape['in_width']) if norm else nn.Identity()
        self.prediction = nn.Linear(shape['in_width'], shape['out_width'])
        nn.init.trunc_normal_(self.prediction.weight, std=std)
        nn.init.zeros_(self.prediction.bias)

    def forward(self, latents: Tensor, mask: Mask) -> Tensor:
        x = latents[:, self.num_prefix :]
        if self.masked_only:
            x = mask.gather_predict(x)
        return self.prediction(self.norm(x))


@MODELS.register_module()
class PixelShuffleHead(Head):
    """A 1x1 convolution to `stride^2 * C` values per position and PixelShuffle (SimMIM, A2MIM).

    The image that comes out is cut into tokens again, in the value order of all other heads.
    """

    def __init__(self, **shape):
        super().__init__(**shape)
        self._need_all_tokens()
        self.projection = nn.Conv2d(shape['in_width'], shape['out_width'], kernel_size=1)

    def forward(self, latents: Tensor, mask: Mask) -> Tensor:
        x = latents[:, self.num_prefix :].transpose(1, 2).unflatten(2, self.grid.size)
        return self.grid.patchify(F.pixel_shuffle(self.projection(x), self.grid.patch[0]))


@MODELS.register_module()
class TransformerDecoder(Head):
    """Transformer blocks over visible latents and mask tokens (MAE, VideoMAE).

    Tokens that are neither visible nor to be predicted take no part (VideoMAE v2), which needs `masked_only`.

    Args:
        width, depth, heads: of the decoder; MAE has 512, 8, 16.
        position: 'learned', or a fixed kind: 'sincos-xy', 'sincos-yx'; over three axes 'sincos-1d', 'sincos-3d'.
        bias: of the layer that brings latents to the decoder's width; VideoMAE has none.
        masked_only: predict the tokens to predict alone, `(B, M, P)`.
    """

    def __init__(
        self,
        width: int = 512,
        depth: int = 8,
        heads: int = 16,
        position: str = 'sincos-xy',
        bias: bool = True,
        masked_only: bool = False,
        **shape,
    ):
        super().__init__(**shape)
        self.masked_only = masked_only
        if width % heads:
            raise ConfigError(f'head.width is {width}; it must be a multiple of head.heads={heads}')
        self.embed = nn.Linear(shape['in_width'], width, bias=bias)
        self.mask_token = mask_token(width)
        self.position = self._position(position, width)
        self.blocks = nn.ModuleList(Block(width, heads, qkv_bias=True, norm_layer=LayerNorm) for _ in range(depth))
        self.norm = LayerNorm(width)
        self.prediction = nn.Linear(width, shape['out_width'])
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _position(self, kind: str, width: int) -> nn.Parameter:
        tokens = self.num_prefix + self.grid.num_tokens
        table = torch.zeros(1, tokens, width)
        if kind == 'learned':
            return nn.Parameter(nn.init.trunc_normal_(table, std=0.02))
        if kind not in FIXED:
            raise ConfigError(f"head.position is {kind!r}; allowed: 'learned', {', '.join(map(repr, FIXED))}")
        table[0, self.num_prefix :] = fixed(kind, self.grid.size, width)
        return nn.Parameter(table, requires_grad=False)

    def forward(self, latents: Tensor, mask: Mask) -> Tensor:
        x = self.embed(latents).float()  # the residual stream is fp32 under autocast too, as in MAE's training
        prefix, tokens = x[:, : self.num_prefix], x[:, self.num_prefix :]
        if self.visible_only:
            tokens = mask.restore(tokens, self.mask_token)
        x = torch.cat([prefix, tokens], dim=1) + self.position
        if self.masked_only and self.visible_only:
            return self._predict_hidden(x, mask)
        for block in self.blocks:
            x = block(x)
        x = x[:, self.num_prefix :]
        return self.prediction(self.norm(mask.gather_predict(x) if self.masked_only else x))

    def _predict_hidden(self, x: Tensor, mask: Mask) -> Tensor:
        """Only prefix, visible tokens and those to predict, in this order; attention does not see order."""
        if mask.num_visible is None or mask.num_predict is None:
            raise ConfigError('masked_only=True needs a masking with the same counts in every sample')
        tokens = x[:, self.num_prefix :]
        x = torch.cat([x[:, : self.num_prefix], mask.gather_visible(tokens), mask.gather_predict(tokens)], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.prediction(self.norm(x[:, -mask.num_predict :]))

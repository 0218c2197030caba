"""Plain vision transformers (timm's VisionTransformer and Beit, and ViT3d) as masked encoders."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from pretrain.checkpoint.positions import FIXED, fixed
from pretrain.encoders.base import Encoder, mask_token
from pretrain.encoders.net import family
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.registry import MODELS


@MODELS.register_module()
class ViTEncoder(Encoder):
    """A ViT of any size, with or without prefix tokens, over any image, clip or volume.

    Args:
        masked: 'drop': hidden patches never enter (MAE). 'token': their embeddings are replaced by a learned token
            (BEiT, SimMIM, MaskFeat). 'fill': their pixels are filled. 'stage': pixels filled and a learned token added
            to the embedding (A2MIM's layer 0).
        position: 'sincos-xy' or 'sincos-yx' (fixed; column or row channels first), 'learned', or 'relative' for
            networks without absolute positions (`use_rel_pos_bias`, `use_shared_rel_pos_bias` of timm's Beit). Over
            three axes 'sincos-1d' (the raster index; VideoMAE), 'sincos-3d' (SelfMedMAE), 'learned', or 'separable':
            learned for the first axis and for the others, and added (MAE-ST).
        init: 'timm' (truncated normal 0.02) or 'xavier' (MAE: Xavier-uniform linear layers, the patch embedding like
            one of them, cls token normal 0.02).
        checkpointing: recompute block activations in the backward pass.
    """

    ways = ('drop', 'token', 'fill', 'stage')

    def __init__(
        self,
        arch: str,
        masked: str = 'drop',
        position: str = 'learned',
        init: str = 'timm',
        checkpointing: bool = False,
        *,
        image_size,
        **args,
    ):
        super().__init__(arch, masked, image_size, img_size=tuple(image_size), **args)
        self.arch_args['img_size'] = list(self.image_size)
        self.kind = family(self.net)
        if self.kind not in ('vit', 'beit'):
            raise ConfigError(f'{arch} is no plain ViT; use the encoder of its own family')
        self.stride = tuple(self.net.patch_embed.patch_size)
        self.grid = TokenGrid.over(self.image_size, self.stride)
        self.width = self.net.embed_dim
        self.num_prefix = self.net.num_prefix_tokens
        self.checkpointing = checkpointing
        if masked == 'drop' and self.relative_bias:
            raise ConfigError(
                f"{arch} with relative positions cannot drop tokens; use masked='token' or position='learned'"
            )
        if init == 'xavier':
            self._init_xavier()
        self._init_position(position)
        if masked in ('token', 'stage'):
            self.mask_token = mask_token(self.width)

    def forward(self, images: Tensor, mask: Mask) -> Tensor:
        if self.masked in ('fill', 'stage'):
            images = self.fill_hidden(images, mask)
        if self.masked == 'drop':
            x = self._embed_visible(images, mask)
        else:
            x = self._embed_all(images, mask)
        x = self.net.norm_pre(x) if self.kind == 'vit' else x
        return self.net.norm(self._blocks(x, mask))

    def features(self, images: Tensor) -> Tensor:
        self.fill_state()
        return super().features(images)

    def exchange(self) -> tuple[dict[str, Tensor], dict]:
        """A table shared by all blocks becomes one copy in each block, the form that adapters know.

        Separable positions are written as the table that they add up to.
        """
        self.fill_state()
        state, args = super().exchange()
        table = state.pop('rel_pos_bias.relative_position_bias_table', None)
        if table is not None:
            for i in range(len(self.net.blocks)):
                state[f'blocks.{i}.attn.relative_position_bias_table'] = table.clone()
            args |= {'use_shared_rel_pos_bias': False, 'use_rel_pos_bias': True}
        return state, args

    @torch.no_grad()
    def fill_state(self) -> None:
        if self.position == 'separable':
            self.net.pos_embed.copy_(self._table())

    def _embed_visible(self, images: Tensor, mask: Mask) -> Tensor:
        """Only visible patches are embedded: the convolution of non-overlapping patches is a linear map of each."""
        conv = self.net.patch_embed.proj
        weight = conv.weight.movedim(1, -1).reshape(self.width, -1)
        x = F.linear(mask.gather_visible(self.grid.patchify(images)), weight, conv.bias)
        x = self.net.patch_embed.norm(x)
        prefix_position, position = self._positions()
        if position is not None:
            x = x + mask.gather_visible(position.expand(len(mask), -1, -1))
        return self._prepend_prefix(x, prefix_position)

    def _embed_all(self, images: Tensor, mask: Mask) -> Tensor:
        x = self.net.patch_embed(images)
        hidden = mask.hidden.unsqueeze(-1)
        if self.masked == 'token':
            x = torch.where(hidden, self.mask_token.to(x.dtype), x)
        elif self.masked == 'stage':
            x = x + hidden * self.mask_token.to(x.dtype)
        prefix_position, position = self._positions()
        if position is not None:
            x = x + position
        return self._prepend_prefix(x, prefix_position)

    def _positions(self) -> tuple[Tensor | None, Tensor | None]:
        """Positions of the prefix `(1, prefix, D)` and of the grid `(1, N, D)`, where the network has them."""
        table = self._table()
        if table is None:
            return None, None
        if table.shape[1] == self.grid.num_tokens:
            return None, table
        return table[:, : self.num_prefix], table[:, self.num_prefix :]

    def _table(self) -> Tensor | None:
        """All absolute positions `(1, prefix + N, D)`."""
        if self.position != 'separable':
            return self.net.pos_embed
        across = self.position_first.unsqueeze(2) + self.position_rest.unsqueeze(1)
        return torch.cat([self.position_prefix, across.flatten(1, 2)], dim=1)

    def _prepend_prefix(self, x: Tensor, position: Tensor | None) -> Tensor:
        tokens = [t for t in (self.net.cls_token, getattr(self.net, 'reg_token', None)) if t is not None]
        if tokens:
            prefix = torch.cat(tokens, dim=1)
            prefix = prefix if position is None else prefix + position
            x = torch.cat([prefix.expand(x.shape[0], -1, -1).to(x.dtype), x], dim=1)
        return self.net.pos_drop(x)

    def _blocks(self, x: Tensor, mask: Mask) -> Tensor:
        if self.kind == 'beit':
            shared = self.net.rel_pos_bias
            bias = None if shared is None else shared()
        else:
            bias = self._attention_mask(mask)
        for block in self.net.blocks:  # both kinds take what is added to the attention as their second argument
            if self.checkpointing and self.training:
                x = checkpoint(block, x, bias, use_reentrant=False)
            else:
                x = block(x, bias)
        return x

    def _attention_mask(self, mask: Mask) -> Tensor | None:
        """`(B, 1, 1, prefix + V)` bool, False at padding, when samples keep different numbers of tokens."""
        if self.masked != 'drop' or mask.visible_padding is None:
            return None
        attend = F.pad(~mask.visible_padding, (self.num_prefix, 0), value=True)
        return attend[:, None, None, :]

    def _init_xavier(self) -> None:
        for module in self.net.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        weight = self.net.patch_embed.proj.weight
        nn.init.xavier_uniform_(weight.view(weight.shape[0], -1))
        if self.net.cls_token is not None:
            nn.init.normal_(self.net.cls_token, std=0.02)

    def _init_position(self, position: str) -> None:
        table = self.net.pos_embed
        if position == 'relative':
            if table is not None:
                raise ConfigError(
                    f"{self.arch} has absolute positions; position='relative' needs use_abs_pos_emb=False"
                )
        elif table is None:
            raise ConfigError(f"{self.arch} has no absolute positions here; use position='relative'")
        elif position.startswith('sincos-'):
            with torch.no_grad():
                table.zero_()
                table[0, table.shape[1] - self.grid.num_tokens :] = fixed(position, self.grid.size, self.width)
            table.requires_grad = False
        elif position == 'separable' and self.grid.axes == 3:
            self._init_separable(table)
        elif position != 'learned':
            raise ConfigError(
                f"encoder.position is {position!r}; allowed: 'learned', 'relative', {', '.join(map(repr, FIXED))}, and "
                "'separable' over three axes"
            )
        self.position = position

    def _init_separable(self, table: nn.Parameter) -> None:
        """The network's own table is only filled for readers of its state; what trains are the three parts."""
        first, rest = self.grid.size[0], self.grid.num_tokens // self.grid.size[0]
        rows = {'prefix': table.shape[1] - self.grid.num_tokens, 'first': first, 'rest': rest}
        for name, count in rows.items():
            values = nn.init.trunc_normal_(torch.zeros(1, count, self.width), std=0.02)
            setattr(self, f'position_{name}', nn.Parameter(values))
        table.requires_grad = False

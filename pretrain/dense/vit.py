"""The plain ViT as a dense encoder: full or windowed attention, over maps of any rectangle. Read `forward` first."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from timm.layers import LayerScale
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pretrain.checkpoint.positions import resize_absolute, resize_relative
from pretrain.dense.attention import Decomposed, Grid, Logits, attend, from_windows, relative_bias, to_windows
from pretrain.dense.encoder import DenseEncoder
from pretrain.encoders.net import family
from pretrain.errors import ConfigError

TABLES = ('own', 'zero', 'none')
TABLE = 'attn.relative_position_bias_table'


class DenseViT(DenseEncoder):
    """timm's VisionTransformer or Beit without its own forward pass.

    Args:
        net: with weights, at the size of its checkpoint. Absolute positions are resized to each image from there.
        image_size: `(H, W)` in pixels that relative tables and decomposed positions are made for. Smaller images use
            the middle of a table; larger ones need another `image_size`, except with decomposed positions.
        levels: blocks whose tokens come out as maps, from 0; negative ones count from the end.
        window: side of the attention windows in tokens; 0 for attention over the whole image.
        global_blocks: blocks that attend over the whole image although `window` is set (ViTDet).
        decomposed: add ViTDet's relative positions, which start at zero.
        tables: 'own': the relative tables of the checkpoint, geometrically resized. 'zero': new ones, zero at first
            (MAE's segmentation recipe). 'none': the checkpoint has none.
        layer_scale: give a checkpoint without LayerScale one of this value, to be trained (1.0 in MAE's segmentation
            recipe, where it changes nothing at first).
        prefix: let the class token take part; windows cannot hold one, so there it is left out (ViTDet).
        patch: side in pixels that the patches are enlarged to, zeros around the kernel: 14 to 16 for ViT-H (ViTDet).
        out_norm: 'none'; 'own': the checkpoint's final norm on every map (iBOT's segmentation); 'new': one for each.
        checkpointing: recompute blocks in the backward pass.
        frozen: 1 for the embedding, then one for each block.

    A map of a level equals the tokens of the encoder after that block; with full attention, `prefix` and out_norm 'own'
    the last one equals `forward_tokens` at the same image size.
    """

    def __init__(
        self,
        net: nn.Module,
        image_size: Sequence[int],
        levels: Sequence[int] = (-1,),
        window: int = 0,
        global_blocks: Sequence[int] = (),
        decomposed: bool = False,
        tables: str | None = None,
        layer_scale: float | None = None,
        prefix: bool | None = None,
        patch: int | None = None,
        out_norm: str = 'none',
        checkpointing: bool = False,
        frozen: int = 0,
    ):
        depth = len(net.blocks)
        found = [_index(level, depth, 'levels') for level in levels]
        old = net.patch_embed.patch_size[0]
        if patch is not None:
            enlarge_patch(net, patch)
        super().__init__(
            net, [net.embed_dim] * len(found), [net.patch_embed.patch_size[0]] * len(found), frozen, out_norm
        )
        self.kind, self.levels, self.patch = family(net), found, self.strides[0]
        if self.patch != old:
            shape = list(net.patch_embed.proj.weight.shape)
            self.resized.append({'target': 'patch_embed.proj.weight', 'from': [*shape[:2], old, old], 'to': shape})
        self.built = (_tokens(image_size[0], self.patch), _tokens(image_size[1], self.patch))
        self.prefix = not window if prefix is None else prefix
        if window and self.prefix:
            raise ConfigError('prefix=True with windows: a window cannot hold the class token; set prefix=False')
        wide = {_index(block, depth, 'global_blocks') for block in global_blocks}
        self.windows = [0 if not window or i in wide else window for i in range(depth)]
        self.checkpointing = checkpointing
        self._add_positions(decomposed, tables)
        if layer_scale is not None:
            self._add_layer_scale(layer_scale)
        self._drop_unused()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x, grid = self._embed(images)
        maps: list[Tensor] = []
        for i in range(max(self.levels) + 1):
            x = self._run(i, x, grid)
            if i in self.levels:
                x_out = self.norms[len(maps)](x) if self.norms is not None else x
                maps.append(x_out[:, self._num_prefix :].transpose(1, 2).unflatten(2, grid).contiguous())
        return tuple(maps)

    def layer_id(self, name: str) -> int:
        kind, _, rest = name.partition('.')
        return int(rest.partition('.')[0]) + 1 if kind in ('decomposed', 'tables') else super().layer_id(name)

    def _embed(self, images: Tensor) -> tuple[Tensor, Grid]:
        """Tokens `(B, prefix + N, D)` with positions; images are padded below and right to whole patches."""
        down, right = -images.shape[-2] % self.patch, -images.shape[-1] % self.patch
        if down or right:
            images = nn.functional.pad(images, (0, right, 0, down))
        embed = self.net.patch_embed
        x = embed.proj(images)
        grid = (x.shape[-2], x.shape[-1])
        x = embed.norm(x.flatten(2).transpose(1, 2))
        first, position = self._absolute(grid)
        if position is not None:
            x = x + position
        if self.prefix:
            tokens = [t for t in (self.net.cls_token, getattr(self.net, 'reg_token', None)) if t is not None]
            prefix = torch.cat(tokens, dim=1) if first is None else torch.cat(tokens, dim=1) + first
            x = torch.cat([prefix.expand(len(x), -1, -1).to(x.dtype), x], dim=1)
        x = self.net.pos_drop(x)
        return (self.net.norm_pre(x) if self.kind == 'vit' else x), grid

    def _absolute(self, grid: Grid) -> tuple[Tensor | None, Tensor | None]:
        """Positions of the prefix and of the tokens, where the network has them."""
        table = self.net.pos_embed
        if table is None:
            return None, None
        old = tuple(self.net.patch_embed.grid_size)
        prefix = table.shape[1] - old[0] * old[1]
        table = resize_absolute(table, old, grid, prefix)
        return (table[:, :prefix] if prefix else None), table[:, prefix:]

    def _run(self, i: int, x: Tensor, grid: Grid) -> Tensor:
        if self.checkpointing and self.training and x.requires_grad:
            return checkpoint(self._block, i, x, grid, use_reentrant=False)
        return self._block(i, x, grid)

    def _block(self, i: int, x: Tensor, grid: Grid) -> Tensor:
        """One pre-norm block. timm writes LayerScale as `ls1` in a ViT and as `gamma_1` in Beit."""
        block = self.net.blocks[i]
        scale1, scale2 = _scales(block, self.kind)
        x = x + block.drop_path1(scale1(self._attention(i, block.norm1(x), grid)))
        return x + block.drop_path2(scale2(block.mlp(block.norm2(x))))

    def _attention(self, i: int, x: Tensor, grid: Grid) -> Tensor:
        attn, side = self.net.blocks[i].attn, self.windows[i]
        if not side:
            return attend(attn, x, self._table_bias(i, grid), self._decomposed(i, grid))
        windows, padded = to_windows(x.unflatten(1, grid), side)
        out = attend(attn, windows, self._table_bias(i, (side, side)), self._decomposed(i, (side, side)))
        return from_windows(out, side, padded, grid).flatten(1, 2)

    def _table_bias(self, i: int, grid: Grid) -> Tensor | None:
        if self.tables is None:
            return None
        built = self.built if not self.windows[i] else (self.windows[i],) * 2
        if grid[0] > built[0] or grid[1] > built[1]:
            raise ConfigError(
                f'the image has {grid[0]}x{grid[1]} tokens, the relative tables were made for {built[0]}x{built[1]}; '
                f'build the backbone with a larger image_size, or test in slides of its size'
            )
        return relative_bias(self.tables[i], built, grid, self._num_prefix)

    def _decomposed(self, i: int, grid: Grid) -> Logits | None:
        return None if self.decomposed is None else self.decomposed[i].over(grid)

    @property
    def _num_prefix(self) -> int:
        return self.net.num_prefix_tokens if self.prefix else 0

    def _add_positions(self, decomposed: bool, tables: str | None) -> None:
        net = self.net
        own: list[Any] = [getattr(block.attn, 'relative_position_bias_table', None) for block in net.blocks]
        has_own = own[0] is not None
        tables = tables or ('own' if has_own else 'none')
        if tables not in TABLES or (tables == 'own') != has_own:
            has = 'has' if has_own else 'has no'
            raise ConfigError(f'tables is {tables!r}, and the checkpoint {has} relative tables; leave it out')
        if decomposed and self.prefix:
            raise ConfigError('decomposed positions belong to maps; set prefix=False')
        grids = [self.built if not side else (side, side) for side in self.windows]
        self.tables: nn.ParameterList | None = None
        if tables == 'own':
            old = tuple(net.blocks[0].attn.window_size)
            self.tables = nn.ParameterList(
                nn.Parameter(resize_relative(t.detach(), old, g)) for t, g in zip(own, grids, strict=True)
            )
            self.resized += [
                {'target': f'blocks.{i}.{TABLE}', 'from': list(before.shape), 'to': list(after.shape)}
                for i, (before, after) in enumerate(zip(own, self.tables, strict=True))
                if before.shape != after.shape
            ]
            for block in net.blocks:
                block.attn.relative_position_bias_table = None
        elif tables == 'zero':
            heads = net.blocks[0].attn.num_heads
            rows = [(2 * h - 1) * (2 * w - 1) + 3 for h, w in grids]
            self.tables = nn.ParameterList(nn.Parameter(torch.zeros(n, heads)) for n in rows)
        width = net.embed_dim // net.blocks[0].attn.num_heads
        self.decomposed = nn.ModuleList(Decomposed(g, width) for g in grids) if decomposed else None

    def _add_layer_scale(self, value: float) -> None:
        for block in self.net.blocks:
            if not all(isinstance(scale, nn.Identity) for scale in _scales(block, self.kind)):
                raise ConfigError('layer_scale: the checkpoint has LayerScale of its own; leave it out')
            if self.kind == 'vit':
                block.ls1, block.ls2 = (LayerScale(self.net.embed_dim, value) for _ in range(2))
            else:
                block.gamma_1, block.gamma_2 = (
                    nn.Parameter(torch.full((self.net.embed_dim,), value)) for _ in range(2)
                )

    def _drop_unused(self) -> None:
        """Blocks after the last level, tokens and norm that take no part would be parameters without gradient."""
        net = self.net
        net.blocks = net.blocks[: max(self.levels) + 1]
        net.norm = nn.Identity()  # its norm, if used, is in `norms`
        if not self.prefix:
            for name in ('cls_token', 'reg_token'):
                if getattr(net, name, None) is not None:
                    getattr(net, name).requires_grad_(False)


def enlarge_patch(net: nn.Module, patch: int) -> None:
    """Patches of `patch` pixels with the kernel of smaller ones in the middle of zeros.

    An approximation at the borders of patches, as in detectron2's `mae_pretrain_vit_huge_p14to16.pth`; on which sides
    that file pads is not documented. Raises ConfigError for smaller patches.
    """
    embed = net.patch_embed
    more = patch - embed.patch_size[0]
    if more < 0:
        raise ConfigError(f'patch is {patch}, the checkpoint has patches of {embed.patch_size[0]}; it can only grow')
    before, after = more // 2, more - more // 2
    embed.proj.weight = nn.Parameter(nn.functional.pad(embed.proj.weight.detach(), (before, after) * 2))
    embed.proj.kernel_size = embed.proj.stride = embed.patch_size = (patch, patch)


def _scales(block: nn.Module, kind: str) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    if kind == 'vit':
        return block.ls1, block.ls2
    if block.gamma_1 is None:
        return nn.Identity(), nn.Identity()
    return (lambda x: block.gamma_1 * x), (lambda x: block.gamma_2 * x)


def _tokens(pixels: int, patch: int) -> int:
    return -(-pixels // patch)


def _index(block: int, depth: int, what: str) -> int:
    if not -depth <= block < depth:
        raise ConfigError(f'{what} names block {block}; the network has blocks 0 to {depth - 1}')
    return block % depth

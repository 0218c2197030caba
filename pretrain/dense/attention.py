"""Attention over maps of any rectangle, with the weights of timm's attention layers.

timm's own layers attend over one fixed grid. Here the weights are the same and the grid is that of the image at hand:
windows, relative tables for smaller grids, and decomposed positions that depend on the query.
"""

import functools
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pretrain.checkpoint.positions import resize_decomposed

Grid: TypeAlias = tuple[int, int]
Logits: TypeAlias = Callable[[Tensor], Tensor]


def attend(attn: nn.Module, tokens: Tensor, bias: Tensor | None = None, positions: Logits | None = None) -> Tensor:
    """Self-attention of timm's `Attention` (ViT or Beit).

    Args:
        tokens: `(B, N, D)`.
        bias: added to the logits, broadcast to `(B, heads, N, N)`.
        positions: from queries to logits `(B, heads, N, N)` that are added too.

    Fused or not as timm's layer says, which `choose_attention` decides.
    """
    batch, number, _ = tokens.shape
    q, k, v = _project(attn, tokens)
    if positions is not None:
        found = positions(q)
        bias = found if bias is None else bias + found
    bias = None if bias is None else bias.to(q.dtype)
    if attn.fused_attn:
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, dropout_p=attn.attn_drop.p if attn.training else 0.0
        )
    else:
        logits = (q * attn.scale) @ k.transpose(-2, -1)
        logits = logits if bias is None else logits + bias
        out = attn.attn_drop(logits.softmax(dim=-1)) @ v
    out = out.transpose(1, 2).reshape(batch, number, -1)
    return attn.proj_drop(attn.proj(out))


def _project(attn: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value, each `(B, heads, N, D / heads)`. Beit keeps the biases of q and v, and k has none."""
    bias = attn.qkv.bias
    if getattr(attn, 'q_bias', None) is not None:
        bias = torch.cat([attn.q_bias, attn.k_bias, attn.v_bias])
    qkv = F.linear(tokens, attn.qkv.weight, bias)
    q, k, v = qkv.unflatten(-1, (3, attn.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
    if hasattr(attn, 'q_norm'):
        q, k = attn.q_norm(q), attn.k_norm(k)
    return q, k, v


def to_windows(maps: Tensor, side: int) -> tuple[Tensor, Grid]:
    """`(B, H, W, D)` to `(B * windows, side * side, D)`, zeros added below and right, and the padded grid.

    Padding follows the norm and is not masked, as in ViTDet.
    """
    batch, height, width, dim = maps.shape
    maps = F.pad(maps, (0, 0, 0, -width % side, 0, -height % side))
    rows, columns = maps.shape[1] // side, maps.shape[2] // side
    windows = maps.view(batch, rows, side, columns, side, dim).transpose(2, 3)
    return windows.reshape(-1, side * side, dim), (rows * side, columns * side)


def from_windows(windows: Tensor, side: int, padded: Grid, grid: Grid) -> Tensor:
    """The inverse of `to_windows`: `(B, H, W, D)` without the padding."""
    rows, columns = padded[0] // side, padded[1] // side
    maps = windows.view(-1, rows, columns, side, side, windows.shape[-1]).transpose(2, 3)
    return maps.reshape(-1, *padded, windows.shape[-1])[:, : grid[0], : grid[1]]


def relative_bias(table: Tensor, built: Grid, grid: Grid, prefix: int) -> Tensor:
    """`(1, heads, prefix + N, prefix + N)` from a relative table made for a grid at least as large.

    Args:
        table: `((2H-1)(2W-1) + 3, heads)` for the grid `built`; the last three rows are prefix to token, token to
            prefix, prefix to prefix (BEiT).
        grid: of the image.
        prefix: 0 or 1 tokens in front.
    """
    index = _relative_index(built, grid, prefix, len(table), str(table.device))
    return table[index].permute(2, 0, 1).unsqueeze(0)


@functools.lru_cache(maxsize=8)
def _relative_index(built: Grid, grid: Grid, prefix: int, length: int, device: str) -> Tensor:
    """Row of the table for every query and key."""
    (rows, columns), (height, width) = built, grid
    y, x = torch.arange(height, device=device), torch.arange(width, device=device)
    dy = (y[:, None] - y + rows - 1)[:, None, :, None]
    dx = (x[:, None] - x + columns - 1)[None, :, None, :]
    index = (dy * (2 * columns - 1) + dx).reshape(height * width, height * width)
    if prefix:
        index = F.pad(index, (1, 0), value=length - 2)
        index = F.pad(index, (0, 0, 1, 0), value=length - 3)
        index[0, 0] = length - 1
    return index


class Decomposed(nn.Module):
    """Relative positions as a row table plus a column table, both multiplied with the query (MViTv2, ViTDet).

    Args:
        grid: the tables hold `2 n - 1` distances per axis of this grid, zero at first; other grids read them linearly
            resized, as detectron2 does.
        dim: of a head.
    """

    def __init__(self, grid: Grid, dim: int):
        super().__init__()
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * grid[0] - 1, dim))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * grid[1] - 1, dim))

    def over(self, grid: Grid) -> Logits:
        """The function from queries `(B, heads, N, D / heads)` on `grid` to logits `(B, heads, N, N)`."""
        rows, columns = (
            self._distances(table, n) for table, n in ((self.rel_pos_h, grid[0]), (self.rel_pos_w, grid[1]))
        )

        def logits(q: Tensor) -> Tensor:
            maps = q.unflatten(2, grid)
            down = torch.einsum('bnyxc,ykc->bnyxk', maps, rows.to(q.dtype))
            across = torch.einsum('bnyxc,xkc->bnyxk', maps, columns.to(q.dtype))
            return (down.unsqueeze(-1) + across.unsqueeze(-2)).flatten(4).flatten(2, 3)

        return logits

    @staticmethod
    def _distances(table: Tensor, length: int) -> Tensor:
        """`(length, length, D / heads)`: the entry of every query and key on an axis."""
        table = resize_decomposed(table, 2 * length - 1)
        place = torch.arange(length, device=table.device)
        return table[place[:, None] - place[None] + length - 1]

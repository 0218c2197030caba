"""Plain statements of the official encoders' forward passes, to check readers against.

Written from the papers and the reference, over bare dictionaries of tensors in the officials' names; nothing of timm or
of the readers is used, so an error there cannot cancel out.
"""

import torch
import torch.nn.functional as F

EPS = 1e-6


def norm(x, w, name, eps=EPS):
    return F.layer_norm(x, x.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'], eps)


def embed(images, w, name='patch_embed.proj'):
    kernel = w[f'{name}.weight']
    return F.conv2d(images, kernel, w[f'{name}.bias'], stride=kernel.shape[-1]).flatten(2).transpose(1, 2)


def attend(x, weight, bias, heads, added=None):
    """Softmax attention. `added`: `(heads, N, N)` or `(windows, heads, N, N)` on the scores."""
    batch, count, width = x.shape
    q, k, v = F.linear(x, weight, bias).reshape(batch, count, 3, heads, -1).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-1, -2) / (width // heads) ** 0.5
    if added is not None:
        scores = scores + added
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, count, width)


def mlp(x, w, name):
    hidden = F.gelu(F.linear(x, w[f'{name}.fc1.weight'], w[f'{name}.fc1.bias']))
    return F.linear(hidden, w[f'{name}.fc2.weight'], w[f'{name}.fc2.bias'])


def relative_bias(table, side, cls=True):
    """`(heads, N, N)`, pair by pair. The last three rows of BEiT's tables: cls to token, token to cls, cls."""
    count = side * side + cls
    bias = torch.zeros(table.shape[1], count, count)
    for i in range(count):
        for j in range(count):
            if cls and i == 0 and j == 0:
                row = table[-1]
            elif cls and i == 0:
                row = table[-3]
            elif cls and j == 0:
                row = table[-2]
            else:
                (yi, xi), (yj, xj) = divmod(i - cls, side), divmod(j - cls, side)
                row = table[(yi - yj + side - 1) * (2 * side - 1) + (xi - xj + side - 1)]
            bias[:, i, j] = row
    return bias


def vit(images, w, heads, final='norm'):
    """MAE, BEiT, SimMIM, iBOT, CAE encoders: whatever of biases, scales, tables and positions the names offer."""
    x = embed(images, w)
    side = int(x.shape[1] ** 0.5)
    x = torch.cat([w['cls_token'].expand(len(x), -1, -1), x], dim=1)
    if 'pos_embed' in w:
        x = x + w['pos_embed']
    shared = w.get('rel_pos_bias.relative_position_bias_table')
    depth = 1 + max(int(name.split('.')[1]) for name in w if name.startswith('blocks.'))
    for i in range(depth):
        b = f'blocks.{i}'
        table = w.get(f'{b}.attn.relative_position_bias_table', shared)
        added = None if table is None else relative_bias(table, side)
        bias = w.get(f'{b}.attn.qkv.bias')
        if bias is None and f'{b}.attn.q_bias' in w:
            bias = torch.cat([w[f'{b}.attn.q_bias'], torch.zeros(x.shape[-1]), w[f'{b}.attn.v_bias']])
        out = attend(norm(x, w, f'{b}.norm1'), w[f'{b}.attn.qkv.weight'], bias, heads, added)
        out = F.linear(out, w[f'{b}.attn.proj.weight'], w[f'{b}.attn.proj.bias'])
        x = x + w.get(f'{b}.gamma_1', torch.tensor(1.0)) * out
        x = x + w.get(f'{b}.gamma_2', torch.tensor(1.0)) * mlp(norm(x, w, f'{b}.norm2'), w, f'{b}.mlp')
    return (norm(x, w, final) if final else x)[:, 1:]


def swin(images, w, heads, window):
    """Swin with patch merging at the end of each stage; shifted windows in odd blocks; images of whole windows."""
    x = norm(embed(images, w), w, 'patch_embed.norm', 1e-5)
    side = int(x.shape[1] ** 0.5)
    x = x.reshape(len(x), side, side, -1)
    for stage, stage_heads in enumerate(heads):
        depth = 1 + max(int(n.split('.')[3]) for n in w if n.startswith(f'layers.{stage}.blocks.'))
        for j in range(depth):
            shift = window // 2 if j % 2 and x.shape[1] > window else 0
            x = _swin_block(x, w, f'layers.{stage}.blocks.{j}', stage_heads, min(window, x.shape[1]), shift)
        if f'layers.{stage}.downsample.reduction.weight' in w:
            parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
            merged = norm(torch.cat(parts, dim=-1), w, f'layers.{stage}.downsample.norm', 1e-5)
            x = F.linear(merged, w[f'layers.{stage}.downsample.reduction.weight'])
    return norm(x, w, 'norm', 1e-5).flatten(1, 2)


def _swin_block(x, w, name, heads, window, shift):
    batch, side, _, width = x.shape
    h = norm(x, w, f'{name}.norm1', 1e-5)
    region = torch.arange(side)
    region = (region >= side - window).int() + (region >= side - shift).int() if shift else torch.zeros(side)
    regions = (region[:, None] * 3 + region[None, :]).reshape(1, side, side, 1)
    if shift:
        h = torch.roll(h, (-shift, -shift), (1, 2))
    h, ids = _windows(h, window), _windows(regions, window)[..., 0]
    bias = relative_bias(w[f'{name}.attn.relative_position_bias_table'], window, cls=False)
    apart = torch.where(ids[:, :, None] == ids[:, None, :], 0.0, -100.0)
    added = bias[None] + apart.repeat(batch, 1, 1)[:, None]
    h = attend(h, w[f'{name}.attn.qkv.weight'], w[f'{name}.attn.qkv.bias'], heads, added)
    h = F.linear(h, w[f'{name}.attn.proj.weight'], w[f'{name}.attn.proj.bias'])
    n = side // window
    h = h.reshape(batch, n, n, window, window, width).permute(0, 1, 3, 2, 4, 5).reshape(batch, side, side, width)
    x = x + (torch.roll(h, (shift, shift), (1, 2)) if shift else h)
    return x + mlp(norm(x, w, f'{name}.norm2', 1e-5), w, f'{name}.mlp')


def _windows(x, window):
    batch, side, _, width = x.shape
    n = side // window
    return x.reshape(batch, n, window, n, window, width).permute(0, 1, 3, 2, 4, 5).reshape(-1, window * window, width)

"""The same checkpoint for another image size."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from pretrain.checkpoint import positions
from pretrain.checkpoint.card import Card
from pretrain.encoders.net import family
from pretrain.errors import CheckpointError, ConfigError


def resize_state(state: Mapping[str, Tensor], card: Card, net: nn.Module) -> tuple[dict[str, Tensor], list[dict]]:
    """Positions and relative tables on the grids of `net`; other tensors as they are. Second: what was resized."""
    result, resized = dict(state), []
    slots = net.state_dict()
    for name, tensor in state.items():
        if name not in slots or tuple(slots[name].shape) == tuple(tensor.shape):
            continue
        if name == 'pos_embed' and tensor.shape[-1] == slots[name].shape[-1]:
            prefix = 0 if card.arch_args.get('no_embed_class') else card.prefix_tokens
            result[name] = positions.resize_absolute(tensor, card.grid, tuple(net.patch_embed.grid_size), prefix)
        elif name.endswith('relative_position_bias_table') and tensor.shape[-1] == slots[name].shape[-1]:
            new = tuple(net.get_submodule(name.rpartition('.')[0]).window_size)
            extra = 3 if family(net) == 'beit' else 0
            old = card.grid if extra else _square_window(tensor, name)
            result[name] = positions.resize_relative(tensor, old, new, extra)
        else:
            continue
        resized.append({'target': name, 'from': list(tensor.shape), 'to': list(result[name].shape)})
    return result, resized


def input_args(
    card: Card, image_size: int | Sequence[int], net_args: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The architecture arguments that change with the image size.

    Convolutional networks take any size. Swin keeps its window where it divides every stage, and otherwise scales it
    with the image (6 at 192 px becomes 7 at 224 px, as in SimMIM). Raises ConfigError for a size that patches do not
    divide.
    """
    height, width = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if 'img_size' not in card.arch_args:
        return {}
    patch_h, patch_w = card.patch
    if height < 1 or width < 1 or height % patch_h or width % patch_w:
        raise ConfigError(f'image size {height}x{width} is not a multiple of the patch {patch_h}x{patch_w}; resize it')
    args: dict[str, Any] = {'img_size': [height, width]}
    window = card.arch_args.get('window_size')
    if isinstance(window, int) and 'window_size' not in (net_args or {}):
        last = 2 ** (len(card.arch_args['depths']) - 1)
        stages = [n // scale for n in (height // patch_h, width // patch_w) for scale in (1, last)]
        old = card.image_size[0]
        if any(side > window and side % window for side in stages):
            args['window_size'] = max(1, round(window * height / old))
    return args


def _square_window(table: Tensor, name: str) -> tuple[int, int]:
    side = math.isqrt(table.shape[0])
    if side * side != table.shape[0]:
        raise CheckpointError(f'{name} has {table.shape[0]} rows, no square window; it cannot be resized')
    return (side + 1) // 2, (side + 1) // 2

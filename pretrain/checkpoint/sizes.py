"""The same checkpoint for another image size."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from pretrain.checkpoint import positions
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.nets import meta_net
from pretrain.encoders.net import family
from pretrain.errors import ConfigError


def resize_state(state: Mapping[str, Tensor], card: Card, net: nn.Module) -> tuple[dict[str, Tensor], list[dict]]:
    """Positions and relative tables on the grids of `net`; other tensors as they are. Second: what was resized."""
    slots = net.state_dict()
    result, resized = dict(state), list[dict]()
    placed = [n for n in state if n in slots and _of_positions(n)]
    if not placed:
        return result, resized
    old = meta_net(card.arch, card.arch_args)
    for name in placed:
        tensor, before, after = state[name], _place(old, name), _place(net, name)
        # Places are compared, not shapes: 14x14 and 7x28 tokens have tables of one shape and another order. Another
        # width is another network, which the audit reports.
        if before == after or tensor.shape[-1] != slots[name].shape[-1]:
            continue
        if name == 'pos_embed':
            prefix = 0 if getattr(old, 'no_embed_class', False) else old.num_prefix_tokens
            result[name] = positions.resize_absolute(tensor, before, after, prefix, kind=card.position)
        else:
            result[name] = positions.resize_relative(tensor, before, after, extra=3 if family(net) == 'beit' else 0)
        resized.append({'target': name, 'from': list(tensor.shape), 'to': list(result[name].shape)})
    return result, resized


def _of_positions(name: str) -> bool:
    return name == 'pos_embed' or name.endswith('relative_position_bias_table')


def _place(net: nn.Module, name: str) -> tuple[int, ...]:
    """What a table of positions spans: the token grid, or the window of its attention."""
    if name == 'pos_embed':
        return tuple(net.patch_embed.grid_size)
    return tuple(net.get_submodule(name.rpartition('.')[0]).window_size)


def input_args(
    card: Card, image_size: int | Sequence[int], net_args: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The architecture arguments that change with the image size.

    Convolutional networks take any size, point networks any number of points. Swin keeps its window where it divides
    every stage, and otherwise scales it with the image (6 at 192 px becomes 7 at 224 px, as in SimMIM); over volumes it
    pads its maps to whole windows and keeps them. Raises ConfigError for a size that patches do not divide.
    """
    net = meta_net(card.arch, card.arch_args)
    if family(net) in ('resnet', 'convnext', 'points'):
        return {}
    patch = tuple(net.patch_embed.patch_size)
    sides = (image_size,) * len(patch) if isinstance(image_size, int) else tuple(image_size)
    if len(sides) != len(patch):
        raise ConfigError(f'input of {len(sides)} axes {sides}, but {card.arch} takes {len(patch)}')
    if any(side < 1 or side % p for side, p in zip(sides, patch, strict=True)):
        shown = ['x'.join(map(str, numbers)) for numbers in (sides, patch)]
        raise ConfigError(f'image size {shown[0]} is not a multiple of the patch {shown[1]}; resize it')
    args: dict[str, Any] = {'img_size': list(sides)}
    window = card.arch_args.get('window_size')
    if isinstance(window, int) and family(net) == 'swin' and 'window_size' not in (net_args or {}):
        last = 2 ** (len(net.layers) - 1)
        stages = [n // p // scale for n, p in zip(sides, patch, strict=True) for scale in (1, last)]
        if any(side > window and side % window for side in stages):
            args['window_size'] = max(1, round(window * sides[0] / net.patch_embed.img_size[0]))
    return args

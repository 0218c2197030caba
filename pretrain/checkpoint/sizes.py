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
    # 14x14 and 7x28 tokens have tables of one shape and another order, so the grids are compared, not the shapes.
    changed = [n for n in placed if _differ(state[n], slots[n]) or (n == 'pos_embed' and _grid(old) != _grid(net))]
    for name in changed:
        tensor = state[name]
        if name == 'pos_embed':
            prefix = 0 if getattr(old, 'no_embed_class', False) else old.num_prefix_tokens
            before, after = _grid(old), _grid(net)
            result[name] = positions.resize_absolute(tensor, before, after, prefix)
        else:
            module = name.rpartition('.')[0]
            before, after = (tuple(n.get_submodule(module).window_size) for n in (old, net))
            result[name] = positions.resize_relative(tensor, before, after, extra=3 if family(net) == 'beit' else 0)
        resized.append({'target': name, 'from': list(tensor.shape), 'to': list(result[name].shape)})
    return result, resized


def _grid(net: nn.Module) -> tuple[int, ...]:
    return tuple(net.patch_embed.grid_size)


def _of_positions(name: str) -> bool:
    return name == 'pos_embed' or name.endswith('relative_position_bias_table')


def _differ(tensor: Tensor, slot: Tensor) -> bool:
    """Other rows, same width: another width is another network, which the audit reports."""
    return tensor.shape != slot.shape and tensor.shape[-1] == slot.shape[-1]


def input_args(
    card: Card, image_size: int | Sequence[int], net_args: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The architecture arguments that change with the image size.

    Convolutional networks take any size. Swin keeps its window where it divides every stage, and otherwise scales it
    with the image (6 at 192 px becomes 7 at 224 px, as in SimMIM). Raises ConfigError for a size that patches do not
    divide.
    """
    height, width = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    net = meta_net(card.arch, card.arch_args)
    if family(net) in ('resnet', 'convnext'):
        return {}
    patch_h, patch_w = net.patch_embed.patch_size
    if height < 1 or width < 1 or height % patch_h or width % patch_w:
        raise ConfigError(f'image size {height}x{width} is not a multiple of the patch {patch_h}x{patch_w}; resize it')
    args: dict[str, Any] = {'img_size': [height, width]}
    window = card.arch_args.get('window_size')
    if isinstance(window, int) and 'window_size' not in (net_args or {}):
        last = 2 ** (len(net.layers) - 1)
        stages = [n // scale for n in (height // patch_h, width // patch_w) for scale in (1, last)]
        if any(side > window and side % window for side in stages):
            args['window_size'] = max(1, round(window * height / net.patch_embed.img_size[0]))
    return args

"""An image checkpoint as the encoder of clips or volumes: one more axis in front, and perhaps other channels.

The blocks stay as they are. Patch embedding, positions and prefix tokens are rewritten by stated rules, and the card's
notes say which. With the defaults a static input (the same image at every place of the first axis) gives at every
place the features of the image encoder; sources of the rules: Carreira and Zisserman 2017 (mean), Arnab et al. 2021
(centre).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pretrain.checkpoint import describe, positions
from pretrain.checkpoint.audit import audit
from pretrain.checkpoint.load import Opened
from pretrain.checkpoint.nets import meta_net, required, shapes_of
from pretrain.encoders.net import family
from pretrain.encoders.vit3d import SIZES
from pretrain.errors import CheckpointError, ConfigError
from pretrain.grid import TokenGrid

RULES = ('mean', 'centre')
PREFIX = ('repeat', 'keep', 'drop')
POSITIONS = ('image', 'image+time', 'sincos-1d', 'sincos-3d')
KERNEL = 'patch_embed.proj.weight'


def inflate_kernel(weight: Tensor, length: int, rule: str = 'mean') -> Tensor:
    """A kernel `(D, C, h, w)` to `(D, C, length, h, w)`.

    'mean': every place along the new axis gets the kernel divided by `length`. 'centre': the place `length // 2` gets
    the kernel, the others 0. Either way an input that is constant along the new axis gives what the image gave.
    """
    if rule not in RULES:
        raise ConfigError(f'inflate.rule is {rule!r}; allowed: {", ".join(RULES)}')
    if rule == 'mean':
        return weight.unsqueeze(2).repeat(1, 1, length, 1, 1) / length
    inflated = weight.new_zeros(*weight.shape[:2], length, *weight.shape[2:])
    inflated[:, :, length // 2] = weight
    return inflated


def change_channels(weight: Tensor, channels: int) -> Tensor:
    """A kernel `(D, C, ...)` for another number of channels: their sum, spread evenly.

    An input whose channels are all equal then gives what the image with equal channels gave. For one channel it is the
    plain sum (RGB to grey). The same number of channels returns the very same values.
    """
    if channels == weight.shape[1]:
        return weight
    return (weight.sum(1, keepdim=True) / channels).repeat_interleave(channels, dim=1)


def inflate(
    opened: Opened,
    image_size: Sequence[int],
    patch: int,
    rule: str = 'mean',
    position: str = 'image',
    prefix: str = 'repeat',
    channels: int | None = None,
) -> Opened:
    """The checkpoint of a plain image ViT as one of `vit3d`, audited tensor by tensor.

    Args:
        image_size: of the input, slowest axis first: `(T, H, W)` or `(D, H, W)`. The image's table of positions is
            resized where the plane has another number of tokens; the plane's patches stay.
        patch: frames or slices per token.
        rule: of the patch embedding, see `inflate_kernel`.
        position: 'image': the image's table at every place of the first axis. 'image+time': the same plus fixed
            sines of the place. 'sincos-1d', 'sincos-3d': fixed positions of the new grid in its place; then a static
            input no longer gives the image's features. A network without absolute positions takes one of these two.
        prefix: class and register tokens. 'repeat': as many copies as there are places along the first axis (as
            registers), so that they keep their share of the attention. 'keep': one copy, whose share shrinks.
            'drop': none (VideoMAE's networks have none).
        channels: of the input; None keeps the image's. See `change_channels`.

    Raises CheckpointError for what is no plain image ViT with absolute positions, ConfigError for wrong arguments.
    """
    _check(opened, image_size, position, prefix)
    source = meta_net(opened.card.arch, opened.card.arch_args)
    plane = tuple(source.patch_embed.patch_size)
    grid = TokenGrid.over(image_size, (patch, *plane))
    args = _arguments(opened, source, grid, prefix, channels)
    tokens = _PrefixTokens(opened, source, prefix, grid.size[0])
    state, resized = dict(opened.state), list[dict]()
    kernel = inflate_kernel(change_channels(state[KERNEL], args['in_chans']), patch, rule)
    resized.append({'target': KERNEL, 'from': list(state[KERNEL].shape), 'to': list(kernel.shape)})
    state[KERNEL] = kernel
    state.update(tokens.state)
    known = state.get('pos_embed')
    if known is not None or source.pos_embed is None:  # one that is lost is for the audit to find
        state['pos_embed'] = _positions(known, source, grid, position, tokens).to(kernel)
        shape = [] if known is None else list(known.shape)
        resized.append({'target': 'pos_embed', 'from': shape, 'to': list(state['pos_embed'].shape)})
    dropped = dict(opened.dropped)
    for name in tokens.dropped:
        del state[name]
        dropped[name] = 'inflated without prefix tokens'
    arch = _name(opened.card.arch, args['embed_dim'])
    net = meta_net(arch, args)
    _check_blocks(opened, source, net)
    origin = {**opened.origin, **tokens.origin(opened.origin)}
    origin = {name: sources for name, sources in origin.items() if name in state}
    report = audit(str(opened.path), required(arch, shapes_of(net), state), state, origin, dropped)
    report.resized = resized
    card = opened.card.model_copy(deep=True)
    card.arch, card.arch_args, card.channels = arch, args, args['in_chans']
    if card.channels != opened.card.channels:
        card.mean = card.std = None
    card.notes = [*card.notes, *_notes(opened, grid, rule, position, prefix if tokens.count else None, card.channels)]
    describe.place(card, state)
    return Opened(opened.path, card, state, report, opened.sha256, origin, dropped)


def _name(arch: str, width: int) -> str:
    """The size of the same width, else that in the architecture's own name."""
    size = next((name for name, (known, *_) in SIZES.items() if known == width), arch.split('_')[1])
    return f'vit3d_{size if size in SIZES else "base"}_patch16'


def is_image(opened: Opened) -> bool:
    """Whether a checkpoint takes images, and would have to be inflated for three axes."""
    return len(opened.card.patch) == 2


def _check(opened: Opened, image_size: Sequence[int], position: str, prefix: str) -> None:
    card = opened.card
    source = meta_net(card.arch, card.arch_args)
    if not is_image(opened) or family(source) != 'vit' or not hasattr(source, 'pos_embed'):
        raise CheckpointError(
            f'{opened.path}: {card.arch} cannot be inflated; only plain image ViTs can (MAE, DeiT, DINO, timm vit_*)'
        )
    for name, value, allowed in (('position', position, POSITIONS), ('prefix', prefix, PREFIX)):
        if value not in allowed:
            raise ConfigError(f'inflate.{name} is {value!r}; allowed: {", ".join(allowed)}')
    if len(tuple(image_size)) != 3:
        raise ConfigError(f'inflate: input of size {tuple(image_size)}; clips and volumes need three numbers')
    if source.pos_embed is None and position in ('image', 'image+time'):
        raise CheckpointError(f'{opened.path} has no absolute positions to repeat; use position sincos-1d or sincos-3d')


def _arguments(opened: Opened, net: nn.Module, grid: TokenGrid, prefix: str, channels: int | None) -> dict[str, Any]:
    """Arguments of the inflated network. What an architecture's name implied is spelt out."""
    block = net.blocks[0]
    args: dict[str, Any] = {
        'img_size': list(grid.input_size),
        'patch_size': list(grid.patch),
        'in_chans': channels or opened.card.channels,
        'embed_dim': net.embed_dim,
        'depth': len(net.blocks),
        'num_heads': block.attn.num_heads,
        'mlp_ratio': block.mlp.fc1.out_features / net.embed_dim,
        'qkv_bias': block.attn.qkv.bias is not None,
        'class_token': net.cls_token is not None and prefix != 'drop',
    }
    copies = net.num_prefix_tokens * (grid.size[0] if prefix == 'repeat' else 1)
    registers = copies - args['class_token'] if prefix != 'drop' else 0
    if registers:
        args['reg_tokens'] = registers
    if getattr(net, 'no_embed_class', False):
        args['no_embed_class'] = True
    if hasattr(block.ls1, 'gamma'):
        args['init_values'] = 1e-5
    if not isinstance(block.attn.q_norm, nn.Identity):
        args['qk_norm'] = True
    if isinstance(net.norm, nn.Identity):
        args['final_norm'] = False
    epsilon = block.norm1.eps
    if epsilon != 1e-6:
        args['norm_eps'] = epsilon
    return args


def _check_blocks(opened: Opened, source: nn.Module, target: nn.Module) -> None:
    """Every module after the patch embedding must be of the same kind: a wrong activation has no tensor to show it."""

    def kinds(net: nn.Module) -> list[tuple[str, str]]:
        parts = {'norm_pre': net.norm_pre, 'blocks': net.blocks, 'norm': net.norm}
        return [
            (f'{p}.{n}', repr(m)) for p, part in parts.items() for n, m in part.named_modules() if not any(m.children())
        ]

    differ = [name for (name, one), (_, other) in zip(kinds(source), kinds(target)) if one != other]
    if differ or len(kinds(source)) != len(kinds(target)):
        odd = ', '.join(differ[:3]) or 'their number'
        raise CheckpointError(
            f'{opened.path}: {opened.card.arch} has parts that vit3d has not ({odd}); only plain ViTs can be inflated'
        )


class _PrefixTokens:
    """Class and register tokens of the inflated network.

    Attributes:
        count: prefix tokens of the image.
        rows: of the image's table, the prefix row behind each prefix row of the new one.
        state: the new tensors.
        dropped: names that are left out.
    """

    def __init__(self, opened: Opened, net: nn.Module, prefix: str, places: int):
        self.names = [name for name in ('cls_token', 'reg_token') if getattr(net, name, None) is not None]
        self.count = net.num_prefix_tokens
        self.state: dict[str, Tensor] = {}
        self.dropped: list[str] = []
        self.rows = list(range(self.count))
        if prefix == 'drop':
            self.rows, self.dropped = [], self.names
        elif prefix == 'repeat' and self.count and places > 1:
            self.rows = self.rows * places
            every = torch.cat([opened.state[name] for name in self.names], dim=1)[:, self.rows]
            if 'cls_token' in self.names:
                self.state['cls_token'], every = every[:, :1].clone(), every[:, 1:]
            self.state['reg_token'] = every.clone()

    def origin(self, known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """The names in the file behind the registers."""
        if 'reg_token' not in self.state:
            return {}
        return {'reg_token': tuple(source for name in self.names for source in known.get(name, (name,)))}


def _positions(table: Tensor | None, net: nn.Module, grid: TokenGrid, position: str, tokens: _PrefixTokens) -> Tensor:
    """`(1, prefix + N, D)` of the image to the same of the new grid; without a table prefix tokens get no position."""
    rows = 0 if getattr(net, 'no_embed_class', False) else tokens.count
    if table is None:
        prefix = torch.zeros(len(tokens.rows) if rows else 0, net.embed_dim)
        return torch.cat([prefix, positions.fixed(position, grid.size, net.embed_dim)])[None]
    table = positions.resize_absolute(table, tuple(net.patch_embed.grid_size), grid.size[1:], rows)
    before, plane = table[:, :rows], table[:, rows:]
    if position in ('image', 'image+time'):
        places = plane.unsqueeze(1).repeat(1, grid.size[0], 1, 1)
        if position == 'image+time':
            places = places + positions.sincos_1d(grid.size[0], table.shape[-1])[None, :, None]
        body = places.flatten(1, 2)
    else:
        body = positions.fixed(position, grid.size, table.shape[-1])[None]
    return torch.cat([before[:, tokens.rows] if rows else before, body.to(table)], dim=1)


def _notes(opened: Opened, grid: TokenGrid, rule: str, position: str, prefix: str | None, channels: int) -> list[str]:
    size, patch = ('x'.join(map(str, numbers)) for numbers in (grid.input_size, grid.patch))
    notes = [f'inflated from images to {size}, patch {patch}: patch embedding by {rule}, positions {position}']
    if prefix:
        notes[0] += f', prefix tokens {prefix}'
    if channels != opened.card.channels:
        notes.append(f'channels {opened.card.channels} to {channels}: kernels summed and spread evenly')
    return notes

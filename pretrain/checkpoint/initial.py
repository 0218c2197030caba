"""The network that a transfer starts from: a checkpoint's, or its random control."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pretrain.checkpoint import inflate as inflation
from pretrain.checkpoint.audit import LoadReport
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.describe import place
from pretrain.checkpoint.load import Opened, build_net, open_checkpoint
from pretrain.checkpoint.nets import make_net
from pretrain.checkpoint.positions import fixed
from pretrain.checkpoint.sizes import input_args
from pretrain.encoders.net import family
from pretrain.errors import CheckpointError, ConfigError

SOURCE = ('checkpoint', 'like', 'arch', 'arch_args', 'position', 'allow_missing', 'inflate')
"""Arguments of a config's encoder or backbone that say where its network and weights come from."""


KINDS = {0: 'point clouds', 2: 'images', 3: 'clips or volumes'}
"""Of input, by the axes of a card's patch."""


@dataclass
class Initial:
    """A network before transfer.

    Attributes:
        net: headless timm network.
        card: of the checkpoint, or of the network that the control copies.
        report: the audit of the load; None for random weights.
        sha256: of the checkpoint file; None for random weights.
    """

    net: nn.Module
    card: Card
    report: LoadReport | None = None
    sha256: str | None = None


@functools.lru_cache(maxsize=1)
def opened(path: str, allow_missing: tuple[str, ...] = ()) -> Opened:
    """`open_checkpoint`, remembering the last one: a run asks for the card first and for the tensors later."""
    return open_checkpoint(path, allow_missing=allow_missing)


def fitted(
    path: str,
    allow_missing: tuple[str, ...],
    channels: int,
    image_size: int | Sequence[int],
    rules: Mapping[str, Any] | None,
) -> Opened:
    """The checkpoint, inflated by `rules` (arguments of `inflate`) where it takes images and the input has three axes.

    Raises CheckpointError for a checkpoint of another kind of input. Point networks (`image_size` of one number in a
    sequence) take image checkpoints too, by their own conversion.
    """
    found = opened(path, allow_missing)
    sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    axes = len(sides)
    if axes == 3 and rules is not None and inflation.is_image(found):
        return inflation.inflate(found, sides, channels=channels, **rules)
    if axes in (2, 3) and len(found.card.patch) != axes:
        remedy = 'take one of that kind'
        if axes == 3 and inflation.is_image(found):
            remedy += ", or say how images are inflated: model.encoder.inflate=dict(patch=2, rule='mean')"
        raise CheckpointError(
            f'{path}: {found.card.arch} takes {KINDS[len(found.card.patch)]}, the config {KINDS[axes]}; {remedy}'
        )
    return found


def card_of(
    channels: int,
    image_size: int | Sequence[int] = 224,
    checkpoint: str | None = None,
    like: str | None = None,
    arch: str | None = None,
    arch_args: Mapping[str, Any] | None = None,
    position: str | None = None,
    allow_missing: Sequence[str] = (),
    inflate: Mapping[str, Any] | None = None,
) -> Card:
    """The card of the network that `initial_net` builds with the same arguments, without its weights."""
    path = checkpoint or like
    if path:
        return fitted(path, tuple(allow_missing), channels, image_size, inflate).card
    if arch is None:
        raise ConfigError('model.encoder.arch is not set; name an architecture, or copy one with --like FILE')
    args = {**(arch_args or {}), 'in_chans': channels}
    with torch.device('meta'):
        net = make_net(arch, **args)
        if family(net) in ('vit', 'beit', 'swin', 'swin3d'):
            args['patch_size'] = list(net.patch_embed.patch_size)
            axes = len(args['patch_size'])
            args['img_size'] = [image_size] * axes if isinstance(image_size, int) else list(image_size)
            net = make_net(arch, **args)
    card = Card(family='mimbench', arch=arch, arch_args=args, grid=(), patch=(), channels=channels)
    card.initial_stage = 'random'
    place(card, {name: tensor for name, tensor in net.state_dict().items() if name != 'pos_embed'})
    if getattr(net, 'pos_embed', None) is not None:
        card.position = position or 'learned'  # type: ignore[assignment]  # pydantic checks it below
    return Card.model_validate(card.model_dump())


def initial_net(
    image_size: int | Sequence[int],
    channels: int,
    without_norm: Mapping[str, str] | None = None,
    checkpoint: str | None = None,
    allow_missing: Sequence[str] = (),
    inflate: Mapping[str, Any] | None = None,
    **source,
) -> Initial:
    """Build the network for `image_size`, with a checkpoint's weights or random ones.

    Args:
        without_norm: families (`vit`, `beit`, `swin`) whose final norm is left out, and the reason for the load report.
        checkpoint: a file of any known format; None for random weights.
        allow_missing: patterns of tensors that the file may lack.
        inflate: how an image checkpoint becomes one of three axes, see `pretrain.checkpoint.inflate`.
        source: for random weights `like` (a checkpoint whose architecture is copied) or `arch`, `arch_args` and
            `position` of the config; all further arguments are timm's (`drop_path_rate`).

    Random weights are timm's initialisation; fixed sin-cos positions belong to the architecture and are set.
    Raises CheckpointError or ConfigError when channels or size do not fit.
    """
    like = None if checkpoint else source.pop('like', None)
    described = {k: source.pop(k, None) for k in ('arch', 'arch_args', 'position')}
    card = card_of(channels, image_size, checkpoint, like, allow_missing=allow_missing, inflate=inflate, **described)
    if card.channels != channels:
        raise CheckpointError(
            f'{checkpoint or like}: takes {card.channels} channels, the config has model.channels={channels}; '
            'measure the data with `mimbench card` and give its card with --card'
        )
    with torch.device('meta'):
        reason = (without_norm or {}).get(family(make_net(card.arch, **card.arch_args)))
    net_args = {**source, **({'final_norm': False} if reason else {})}
    if checkpoint:
        found = fitted(checkpoint, tuple(allow_missing), channels, image_size, inflate)
        drop = {'norm.*': reason} if reason else None
        net, report = build_net(found, image_size, tuple(allow_missing), drop=drop, **net_args)
        initial = Initial(net, card, report, found.sha256)
    else:
        initial = Initial(random_net(card, image_size, **net_args), card)
    opened.cache_clear()  # the tensors are in the network now
    return initial


def random_net(card: Card, image_size: int | Sequence[int], **net_args) -> nn.Module:
    """The network of a card with random weights, for another image size if need be."""
    net = make_net(card.arch, **{**card.arch_args, **net_args, **input_args(card, image_size, net_args)})
    if card.position.startswith('sincos-') and net.pos_embed is not None:
        grid = tuple(net.patch_embed.grid_size)
        table = fixed(card.position, grid, net.embed_dim)
        with torch.no_grad():
            net.pos_embed.zero_()
            net.pos_embed[0, net.pos_embed.shape[1] - len(table) :] = table
    return net

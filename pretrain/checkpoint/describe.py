"""Writing cards: the fields that follow from a network and its tensors."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from pretrain.checkpoint import positions, timm_config
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.nets import meta_net
from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.source import Source
from pretrain.encoders.net import family as net_family

CNN_STRIDE = 32


def card_for_net(net: nn.Module, arch: str, arch_args: Mapping[str, Any], family: str = 'mimbench', **facts) -> Card:
    """The card of a timm network of this house.

    Args:
        net: made by `create_net(arch, **arch_args)`.
        facts: any other field of the card (`method`, `mean`, `std`, `data_seen`, `epochs`, ...).
    """
    args: dict[str, Any] = {n: list(value) if isinstance(value, tuple) else value for n, value in arch_args.items()}
    channels = args.get('in_chans', 3)
    card = Card(family=family, arch=arch, arch_args=args, grid=(), patch=(), channels=channels)
    place(card, net.state_dict())
    return Card.model_validate({**card.model_dump(), **facts})


def card_for_reading(source: Source, reading: Reading, arch: str, args: dict[str, Any], digest: str) -> Card:
    """The card of a foreign checkpoint. Facts that neither the file nor its family determines stay unknown."""
    card = Card(
        family=reading.family,
        arch=arch,
        arch_args=args,
        grid=(),
        patch=(),
        channels=args.get('in_chans', 3),
        epochs=source.epochs,
        source_file=source.path.name,
        source_sha256=digest,
    )
    place(card, reading.tensors)
    facts = reading.facts
    if any(len(facts.get(name) or ()) not in (0, card.channels) for name in ('mean', 'std')):
        facts = {**facts, 'mean': None, 'std': None}  # the family's RGB statistics say nothing about other channels
    return Card.model_validate({**card.model_dump(), **_pixels(source, card.channels), **facts})


def place(card: Card, tensors: Mapping[str, Tensor]) -> None:
    """Fill in the grid, patch, prefix and position fields from the arguments and the tensors of a card.

    `img_size` and `patch_size` of transformers, the groups of point networks, all arguments of a volumetric Swin, are
    added where they were left to the default.
    """
    args = card.arch_args
    card.relative_bias = any(name.endswith('relative_position_bias_table') for name in tensors)
    net = meta_net(card.arch, args)
    embed = getattr(net, 'patch_embed', None)
    if net_family(net) == 'points':
        args['num_groups'], args['group_size'] = net.num_groups, net.group_size
        card.grid, card.patch, card.position = (net.num_tokens,), (), 'coordinates'
        card.prefix_tokens = net.num_prefix_tokens
        return
    if embed is None:
        card.grid, card.patch, card.prefix_tokens, card.position = (), (CNN_STRIDE, CNN_STRIDE), 0, 'none'
        return
    args['img_size'], args['patch_size'] = list(embed.img_size), list(embed.patch_size)
    if net_family(net) == 'swin3d':
        args.update(net.arch_args)
    card.patch, card.grid = tuple(embed.patch_size), tuple(embed.grid_size)
    card.prefix_tokens = getattr(net, 'num_prefix_tokens', 0)
    card.position = 'relative' if card.relative_bias else 'none'
    if 'pos_embed' in tensors:
        table = tensors['pos_embed'][0, 0 if args.get('no_embed_class') else card.prefix_tokens :]
        fits = table.shape[0] == math.prod(card.grid)
        card.position = positions.kind_of(table, card.grid) if fits else 'learned'


def _pixels(source: Source, channels: int) -> dict[str, Any]:
    """Pixel statistics from Hugging Face's preprocessor file or timm's config, where there is one."""
    mean, std = source.processor.get('image_mean'), source.processor.get('image_std')
    return {'mean': tuple(mean), 'std': tuple(std)} if mean and std else timm_config.statistics(source.config, channels)

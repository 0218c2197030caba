"""Encoders as backbones for dense prediction: the checkpoint's network, read out as feature maps.

`vit.py` and `hierarchy.py` hold one class per kind of network, `attention.py` what the plain ViT needs for any
image size, `pyramid.py` how one resolution becomes several. `backbone.py` is what configs of detectors and segmenters
name; it is thin over `build_dense`.
"""

from collections.abc import Sequence

from torch import nn

from pretrain.checkpoint.card import Card
from pretrain.checkpoint.initial import SOURCE, Initial, card_of, initial_net
from pretrain.checkpoint.nets import meta_net
from pretrain.dense.encoder import DenseEncoder
from pretrain.dense.hierarchy import DenseCNN, DenseSwin
from pretrain.dense.vit import DenseViT
from pretrain.encoders.net import family
from pretrain.engine.lint import arguments
from pretrain.errors import ConfigError

KINDS = {'vit': DenseViT, 'beit': DenseViT, 'swin': DenseSwin, 'resnet': DenseCNN, 'convnext': DenseCNN}
NOT_USED = 'final norm: the maps are taken before it (out_norm)'


def outline(
    card: Card, levels: Sequence[int] | None = None, four_levels: bool = False, patch: int | None = None
) -> tuple[list[int], list[int]]:
    """Channels and strides of the maps that a backbone of this checkpoint gives, without building it.

    Raises ConfigError for a stage that a pyramid does not have.
    """
    net = meta_net(card.arch, card.arch_args)
    if _kind(card, net) is DenseViT:
        number, patch = len(levels or (-1,)), patch or net.patch_embed.patch_size[0]
        strides = [patch // 4, patch // 2, patch, patch * 2] if four_levels else [patch] * number
        return [net.embed_dim] * number, strides
    info = net.feature_info[-4:]
    if levels is not None and not all(0 <= level < len(info) for level in levels):
        raise ConfigError(f'levels is {list(levels)}; {card.arch} has stages 0 to {len(info) - 1}')
    chosen = [info[level] for level in (range(4) if levels is None else levels)]
    return [stage['num_chs'] for stage in chosen], [stage['reduction'] for stage in chosen]


def _kind(card: Card, net: nn.Module) -> type[DenseEncoder]:
    kind = KINDS.get(family(net))
    if kind is None:
        raise ConfigError(f'{card.arch} gives no maps of images; take a {", ".join(KINDS)} network')
    return kind


def built_size(image_size: int | Sequence[int], patch: int | None = None) -> int | Sequence[int]:
    """The image size that a network with random weights is built for; with enlarged patches, that of pre-training."""
    return image_size if patch is None else 224


def build_dense(
    image_size: int | Sequence[int],
    channels: int = 3,
    timm_args: dict | None = None,
    out_norm: str = 'none',
    **choices,
) -> tuple[DenseEncoder, Initial]:
    """The dense encoder of a checkpoint, or with random weights, and what it started from.

    Args:
        image_size: the largest input in pixels, a side or `(H, W)`; see `DenseViT`. Pyramids take any size.
        timm_args: of the architecture: `drop_path_rate`, or `window_size` of Swin.
        out_norm: 'none', 'own' or 'new'.
        choices: `checkpoint` (and `allow_missing`) or, for random weights, `like`, or `arch`, `arch_args` and
            `position`; all others are those of the network's dense class.

    Raises CheckpointError unless every tensor of the checkpoint is accounted for, ConfigError for a wrong choice.
    """
    source = {name: choices.pop(name) for name in SOURCE if name in choices}
    described = {name: value for name, value in source.items() if name != 'allow_missing'}
    size = built_size(image_size, choices.get('patch'))
    card = card_of(channels, size, allow_missing=tuple(source.get('allow_missing', ())), **described)
    net = meta_net(card.arch, card.arch_args)
    kind, dense_kind = family(net), _kind(card, net)
    known = arguments(dense_kind)[0] - {'net', 'image_size'}
    foreign = sorted(set(choices) - known)
    if foreign:
        raise ConfigError(f'a {kind} backbone takes no {", ".join(foreign)}; it takes {", ".join(sorted(known))}')
    native = image_size if kind in ('resnet', 'convnext') else card.image_size
    unused = None if out_norm == 'own' else dict.fromkeys(('vit', 'beit', 'swin'), NOT_USED)
    initial = initial_net(native, channels, unused, **source, **(timm_args or {}))
    if dense_kind is DenseViT:
        choices['image_size'] = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    dense = dense_kind(initial.net, out_norm=out_norm, **choices)
    if initial.report is not None:
        initial.report.resized += dense.resized
    return dense, initial

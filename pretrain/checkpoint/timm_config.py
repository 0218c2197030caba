"""timm's `config.json` beside a checkpoint: the architecture and its arguments, which shapes cannot tell.

Heads, activation and rotary positions leave no trace in tensors. What the file says is compared with them first.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from pretrain.checkpoint.nets import make_net
from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.shapes import Shapes
from pretrain.checkpoint.source import Source
from pretrain.errors import CheckpointError, ConfigError

# About the classifier, which no encoder here has.
_HEAD = ('num_classes', 'global_pool', 'fc_norm', 'drop_rate')


def arguments(source: Source, reading: Reading) -> dict[str, Any]:
    """`arch`, `num_heads` and timm's `model_args`, in the form of `--arch-args`; `{}` without such a config.

    An architecture named by the user is believed instead. Raises CheckpointError, on one line, for an architecture that
    timm does not know or that is not supported here, and for one whose width or depth is not that of the tensors.
    """
    arch = source.config.get('architecture')
    if not isinstance(arch, str) or 'arch' in source.hints:
        return {}
    given = source.config.get('model_args')
    args = {n: value for n, value in given.items() if n not in _HEAD} if isinstance(given, Mapping) else {}
    net = _net(arch, args, source)
    if reading.kind == 'swin' and hasattr(net, 'patch_embed'):
        return {'arch': arch, **args, 'img_size': list(net.patch_embed.img_size)}  # type: ignore[union-attr, arg-type]
    if reading.kind not in ('vit', 'beit'):
        return {'arch': arch, **args}
    shapes = Shapes(reading.tensors, str(source.path))
    found = shapes.common(r'blocks\.\d+\.norm[12]\.(weight|bias)'), shapes.count(r'blocks\.(\d+)\.')
    named = getattr(net, 'embed_dim', None), len(getattr(net, 'blocks', ()))
    if named != found:
        raise CheckpointError(
            f'{source.path}: config.json names {arch}, width {named[0]} and {named[1]} blocks, the file has width '
            f'{found[0]} and {found[1]} blocks: the file is incomplete or config.json is of another network; '
            'complete the one or move the other'
        )
    return {'arch': arch, **args, 'num_heads': net.blocks[0].attn.num_heads}  # type: ignore[union-attr, index]


def statistics(config: Mapping[str, Any], channels: int) -> dict[str, Any]:
    """`mean` and `std` of the pixels that the network was trained on, `{}` where the config does not tell."""
    facts = config.get('pretrained_cfg', config) if 'architecture' in config else {}
    mean, std = (facts.get(name) if isinstance(facts, Mapping) else None for name in ('mean', 'std'))
    fit = all(isinstance(values, list) and len(values) == channels for values in (mean, std))
    return {'mean': tuple(mean or ()), 'std': tuple(std or ())} if fit else {}


def _net(arch: str, args: Mapping[str, Any], source: Source) -> nn.Module:
    """The network that the config names, without storage."""
    fix = 'name a supported one of the same form: --arch-args \'{"arch": "vit_base_patch16_224"}\', or move config.json'
    try:
        with torch.device('meta'):
            # Without a class token, timm refuses the pooling that `create_net` would choose by default.
            return make_net(arch, **{'global_pool': '', **args})
    except (ConfigError, AssertionError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).split('\n')[0]
        raise CheckpointError(f'{source.path}: config.json beside it names {arch}: {reason}; {fix}') from error

"""Networks from the arguments of a card, and what tensors they expect."""

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor, nn

from pretrain.encoders.net import create_net
from pretrain.errors import CheckpointError, ConfigError

Shape = tuple[int, ...]

# Not part of the features, or not a weight: a file may leave them out.
_OPTIONAL = {'convnext': ('head.norm.*',), 'resnet': ('*.num_batches_tracked',), 'point': ('*.num_batches_tracked',)}


def make_net(arch: str, **args) -> nn.Module:
    """`create_net` from the arguments of a card: lists become tuples, `norm_eps` is the epsilon of every LayerNorm."""
    args = {name: tuple(value) if isinstance(value, list) else value for name, value in args.items()}
    epsilon = args.pop('norm_eps', None)
    net = create_net(arch, **args)
    if epsilon is not None:
        for module in net.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = epsilon
    return net


def meta_net(arch: str, args: Mapping[str, Any]) -> nn.Module:
    """The network without storage: shapes, grids and windows can be asked of it, features not."""
    with torch.device('meta'):
        return make_net(arch, **args)


def expected_shapes(arch: str, args: Mapping[str, Any], label: str) -> dict[str, Shape]:
    """Shapes of all tensors of an architecture, without allocating it. CheckpointError when timm cannot build it."""
    try:
        return shapes_of(meta_net(arch, args))
    except ConfigError as error:
        raise CheckpointError(f'{label}: {error}') from error
    except (AssertionError, ValueError, TypeError, RuntimeError, ZeroDivisionError) as error:
        reason = str(error).split('\n')[0]
        raise CheckpointError(
            f'{label}: timm cannot build {arch} with {args} ({reason}); correct --arch-args'
        ) from error


def shapes_of(net: nn.Module) -> dict[str, Shape]:
    """Shape by name of every tensor in the state dict."""
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def required(arch: str, shapes: Mapping[str, Shape], tensors: Mapping[str, Tensor]) -> dict[str, Shape]:
    """`shapes` without the tensors that files of this architecture may leave out, where this one does."""
    patterns = next((p for kind, p in _OPTIONAL.items() if arch.startswith(kind)), ())
    return {n: s for n, s in shapes.items() if n in tensors or not any(fnmatch(n, pattern) for pattern in patterns)}

"""Rewriting a transformer's tensors into another parametrisation of the same function."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pretrain.errors import CheckpointError


def fuse_qkv_bias(q_bias: Tensor, v_bias: Tensor) -> Tensor:
    """`(D,)` query and value biases to the fused `(3D,)` bias, with a zero key bias."""
    return torch.cat([q_bias, torch.zeros_like(q_bias), v_bias])


def split_qkv_bias(bias: Tensor) -> tuple[Tensor, Tensor]:
    """The `(3D,)` fused bias to query and value biases.

    The key bias adds the same number to all scores of one query, which softmax does not see: leaving it out is exact.
    """
    q_bias, _, v_bias = bias.chunk(3)
    return q_bias.clone(), v_bias.clone()


def fold_scale(weight: Tensor, bias: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """The weight `(D, E)` and bias `(D,)` of `gamma * (W x + b)` as one linear layer."""
    return weight * gamma[:, None], bias * gamma


def fold_layer_scale(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ViT or BEiT state dict without LayerScale, computing the same function.

    `gamma_1` or `ls1.gamma` goes into `attn.proj`, `gamma_2` or `ls2.gamma` into `mlp.fc2`. The optimisation differs
    from then on: the effective learning rate and weight decay of those layers change.
    Raises CheckpointError when a scale has no layer to go into.
    """
    result = dict(state)
    layers = {'gamma_1': 'attn.proj', 'ls1.gamma': 'attn.proj', 'gamma_2': 'mlp.fc2', 'ls2.gamma': 'mlp.fc2'}
    for name in state:
        for ending, layer in layers.items():
            if not name.endswith('.' + ending):
                continue
            target = name[: -len(ending)] + layer
            weight, bias = result.get(f'{target}.weight'), result.get(f'{target}.bias')
            if weight is None or bias is None:
                raise CheckpointError(f'{name} cannot be folded: {target}.weight or {target}.bias is missing')
            result[f'{target}.weight'], result[f'{target}.bias'] = fold_scale(weight, bias, result.pop(name))
    return result

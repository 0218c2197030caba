"""Files of SwinUNETR's pre-training and of the network, made from the tensors of an encoder."""

import re

import torch
from torch import Tensor

HEADS = {
    'rotation_head.weight': (4, 192),
    'contrastive_head.weight': (512, 192),
    'conv.0.weight': (96, 192, 3, 3, 3),
    'conv.0.bias': (96,),
}
DECODER = {'encoder1.layer.conv1.conv.weight': (12, 2, 3, 3, 3), 'decoder5.transp_conv.conv.weight': (192, 96, 2, 2, 2)}
OUT = {'out.conv.conv.weight': (3, 12, 1, 1, 1)}


def zeros(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


def pretraining_names(state: dict[str, Tensor], prefix: str = 'module.') -> dict[str, Tensor]:
    """MONAI's names as the released file has them: `fc1` and `fc2`, below `module.`, heads beside the encoder."""
    state = {re.sub(r'\.mlp\.linear([12])\.', r'.mlp.fc\1.', name): tensor for name, tensor in state.items()}
    return {f'{prefix}{name}': tensor for name, tensor in {**state, **zeros(HEADS)}.items()}


def monai_names(net) -> dict[str, Tensor]:
    """A volumetric Swin of this house in MONAI's names, tables of rows included."""
    out = {}
    for name, tensor in net.state_dict().items():
        if match := re.fullmatch(r'layers\.(\d+)\.conv\.(conv[12])\.weight', name):
            name = f'layers{int(match[1]) + 1}c.0.layer.{match[2]}.conv.weight'
        elif match := re.fullmatch(r'layers\.(\d+)\.(.+)', name):
            name = f'layers{int(match[1]) + 1}.0.{match[2]}'.replace('.mlp.fc', '.mlp.linear')
        out[name] = tensor.clone()
        if name.endswith('relative_position_bias_table'):
            stage, block = (int(n) for n in re.findall(r'\d+', name)[::2])
            index = net.layers[stage - 1].blocks[block].attn.relative_position_index
            out[name.replace('bias_table', 'index')] = index.clone()
    return out

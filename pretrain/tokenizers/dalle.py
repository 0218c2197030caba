"""The encoder of OpenAI's DALL-E discrete VAE: BEiT's and CAE's tokenizer, and a reader for its public weights.

Architecture and tensor names: openai/DALL-E, `dall_e/encoder.py` and `dall_e/utils.py`.
"""

from collections import OrderedDict
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrain.errors import CheckpointError
from pretrain.registry import MODELS
from pretrain.tokenizers.base import Tokenizer

GROUPS = 4
PIXEL_MARGIN = 0.1
"""Pixels are squeezed from [0, 1] to [0.1, 0.9] (`logit_laplace_eps`)."""


@MODELS.register_module()
class DalleEncoder(Tokenizer):
    """Pixels in [0, 1] to scores of 8192 ids, stride 8: four groups of residual blocks with max-pooling between them.

    The defaults are the public model; other sizes are for tests.

    Args:
        width: of the first group; it doubles from group to group.
        blocks: residual blocks per group.
        vocab, channels: ids, and channels of the image.
    """

    stride = 2 ** (GROUPS - 1)

    def __init__(self, width: int = 256, blocks: int = 2, vocab: int = 8192, channels: int = 3):
        super().__init__()
        self.args = {'width': width, 'blocks': blocks, 'vocab': vocab, 'channels': channels}
        self.vocab, self.channels = vocab, channels
        layers: OrderedDict[str, nn.Module] = OrderedDict(input=_same_conv(channels, width, 7))
        before = width
        for group in range(GROUPS):
            after = width * 2**group
            parts: OrderedDict[str, nn.Module] = OrderedDict()
            for block in range(blocks):
                parts[f'block_{block + 1}'] = Bottleneck(before, after, gain=1 / (GROUPS * blocks) ** 2)
                before = after
            if group < GROUPS - 1:
                parts['pool'] = nn.MaxPool2d(2)
            layers[f'group_{group + 1}'] = nn.Sequential(parts)
        layers['output'] = nn.Sequential(OrderedDict(relu=nn.ReLU(), conv=_same_conv(before, vocab, 1)))
        self.blocks = nn.Sequential(layers)

    def scores(self, pixels: Tensor) -> Tensor:
        x = (1 - 2 * PIXEL_MARGIN) * pixels + PIXEL_MARGIN
        for part in self.blocks[:-1]:
            x = part(x)
        with torch.autocast(x.device.type, enabled=False):  # the public code, too, keeps the last layer in fp32
            return self.blocks.output(x.float())

    @classmethod
    def from_public(cls, state: dict[str, Tensor], source: str) -> 'DalleEncoder':
        """The encoder whose tensors carry the public names (`blocks.input.w`); sizes follow from their shapes.

        Raises CheckpointError, naming `source`, when tensors are missing, unexpected or of a wrong shape.
        """
        first, last = state.get('blocks.input.w'), state.get('blocks.output.conv.w')
        if first is None or last is None or first.dim() != 4 or last.dim() != 4:
            raise CheckpointError(f'{source}: no DALL-E encoder: blocks.input.w or blocks.output.conv.w is missing')
        blocks = len({name.split('.')[2] for name in state if name.startswith('blocks.group_1.block_')})
        if blocks == 0:
            raise CheckpointError(f'{source}: no DALL-E encoder: blocks.group_1 holds no block')
        tokenizer = cls(first.shape[0], blocks, last.shape[0], first.shape[1])
        tokenizer.load_state_dict(_checked(state, tokenizer.public_state(), source))
        return tokenizer

    def public_state(self) -> dict[str, Tensor]:
        """The weights under the names of the public file."""
        return {_public_name(name): value for name, value in self.state_dict().items()}


class Bottleneck(nn.Module):
    """Three 3x3 convolutions and one 1x1, at a quarter of the width, times `gain`, beside the input or a projection."""

    def __init__(self, before: int, after: int, gain: float):
        super().__init__()
        self.gain = gain
        self.id_path = _same_conv(before, after, 1) if before != after else nn.Identity()
        path: OrderedDict[str, nn.Module] = OrderedDict()
        widths = [before, *[after // 4] * 3, after]
        for i, (width_in, width_out) in enumerate(pairwise(widths), start=1):
            path[f'conv_{i}'] = _same_conv(width_in, width_out, 3 if i < 4 else 1)
        self.res_path = nn.ModuleDict(path)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in self.res_path.values():
            y = conv(F.relu(y))
        return self.id_path(x) + self.gain * y


def _same_conv(before: int, after: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, padding=kernel // 2)


def _public_name(name: str) -> str:
    return name.removesuffix('eight') if name.endswith('.weight') else name.removesuffix('ias')


def _checked(state: dict[str, Tensor], expected: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """The state under our names, fp32, after every tensor has been accounted for."""
    missing, unexpected = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or unexpected:
        raise CheckpointError(
            f'{source}: DALL-E encoder with missing tensors {missing} and unexpected ones {unexpected}'
        )
    for name, value in state.items():
        if value.shape != expected[name].shape:
            shapes = f'{tuple(value.shape)}, expected {tuple(expected[name].shape)}'
            raise CheckpointError(f'{source}: tensor {name} has shape {shapes}')
    return {f'{name}eight' if name.endswith('.w') else f'{name}ias': v.float() for name, v in state.items()}

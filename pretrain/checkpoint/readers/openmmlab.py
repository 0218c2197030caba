"""MMPretrain and MMSegmentation (OpenMMLab): ViT, BEiT, Swin and ResNet, usually below `backbone.`.

Swin's patch merging gathers its four neighbours with `unfold`, channel by channel; the original stacks whole
neighbours. The columns are put back in the original order. Facts:
mmpretrain/models/backbones/{vision_transformer,beit,swin_transformer}.py, utils/embed.py.
"""

import torch
from torch import Tensor

from pretrain.checkpoint.canonical import HEAD, end_to_start_downsample
from pretrain.checkpoint.readers.reading import Reading, Rename, rename, strip
from pretrain.checkpoint.readers.styles import RESNET, follows, has_any
from pretrain.checkpoint.source import Source

FAMILY = 'mmpretrain'

_VIT = r'layers\.\d+\.(ln_?[12]|norm[12]|attn\.(qkv|proj)|ffn\.layers\.(0\.0|1))\.weight'
_SWIN = r'stages\.\d+\.blocks\.\d+\.(attn\.w_msa\.(qkv|proj)|ffn\.layers\.(0\.0|1))\.weight'
_B = r'(?:backbone\.)?'
_PATCH: Rename = [(_B + r'patch_embed\.projection\.(.+)', r'patch_embed.proj.\1')]
_VIT_RULES: Rename = [
    *_PATCH,
    (_B + r'layers\.(\d+)\.(?:ln_?|norm)([12])\.(.+)', r'blocks.\1.norm\2.\3'),
    (_B + r'layers\.(\d+)\.ffn\.layers\.0\.0\.(.+)', r'blocks.\1.mlp.fc1.\2'),
    (_B + r'layers\.(\d+)\.ffn\.layers\.1\.(.+)', r'blocks.\1.mlp.fc2.\2'),
    (_B + r'layers\.(\d+)\.attn\.gamma1\.weight', r'blocks.\1.ls1.gamma'),
    (_B + r'layers\.(\d+)\.ffn\.gamma2\.weight', r'blocks.\1.ls2.gamma'),
    (_B + r'layers\.(\d+)\.(.+)', r'blocks.\1.\2'),
    (_B + r'(?:ln_?|norm)1\.(.+)', r'norm.\1'),
    (_B + r'(?:ln_?|norm)2\.(.+)', r'fc_norm.\1'),
]
_SWIN_RULES: Rename = [
    *_PATCH,
    (_B + r'stages\.(\d+)\.blocks\.(\d+)\.attn\.w_msa\.(.+)', r'layers.\1.blocks.\2.attn.\3'),
    (_B + r'stages\.(\d+)\.blocks\.(\d+)\.ffn\.layers\.0\.0\.(.+)', r'layers.\1.blocks.\2.mlp.fc1.\3'),
    (_B + r'stages\.(\d+)\.blocks\.(\d+)\.ffn\.layers\.1\.(.+)', r'layers.\1.blocks.\2.mlp.fc2.\3'),
    (_B + r'stages\.(.+)', r'layers.\1'),
    (_B + r'norm3\.(.+)', r'norm.\1'),
]
_DROPS: Rename = [
    (_B + 'mask_token', 'stands in for masked patches; features never mask'),
    (r'(head|neck|decode_head|auxiliary_head|target_generator|teacher|data_preprocessor)\..+', HEAD),
]


def detect(source: Source) -> int:
    prefixes = ('backbone.', '')
    if any(follows(source, style, prefix) for style in (_VIT, _SWIN) for prefix in prefixes):
        return 30
    return 20 if follows(source, RESNET, 'backbone.') else 0


def read(source: Source) -> Reading:
    if follows(source, RESNET, 'backbone.'):
        return rename(FAMILY, 'resnet', source.state, [strip('backbone.')], _DROPS)
    if follows(source, _SWIN, 'backbone.') or follows(source, _SWIN):
        reading = rename(FAMILY, 'swin', source.state, [*_SWIN_RULES, strip('backbone.')], _DROPS)
        return end_to_start_downsample(_from_unfold(reading))
    rules = [*_VIT_RULES, strip('backbone.')]
    optional = has_any(source, r'.*(gamma_[12]|q_bias)|.*\bln_?2\..*')
    return rename(FAMILY, 'vit', source.state, rules, _DROPS, norm_optional=optional)


def _from_unfold(reading: Reading) -> Reading:
    for name in reading.below(r'layers\.\d+\.downsample\.(reduction\.weight|norm\.(weight|bias))'):
        tensor = reading.tensors[name]
        if tensor.shape[-1] % 4 == 0:
            reading.tensors[name] = merge_order_from_unfold(tensor)
    return reading


def merge_order_from_unfold(tensor: Tensor) -> Tensor:
    """Last axis `(C, row, column)` of `unfold` to `(column, row, C)`, the order of Swin's own patch merging."""
    *rest, width = tensor.shape
    order = list(range(len(rest)))
    parts = tensor.reshape(*rest, width // 4, 2, 2)
    n = len(rest)
    return torch.permute(parts, (*order, n + 2, n + 1, n)).reshape(*rest, width).contiguous()

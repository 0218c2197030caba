"""Naming styles by which readers recognise a file. A style is a regular expression that several names must match."""

import re

from pretrain.checkpoint.source import Source

VIT = r'blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|mlp\.fc[12])\.weight'
BEIT = r'blocks\.\d+\.(gamma_[12]|attn\.([qv]_bias|relative_position_bias_table))|rel_pos_bias\..*'
SWIN = r'layers\.\d+\.blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|mlp\.fc[12])\.weight'
RESNET = r'layer[1-4]\.\d+\.(conv[123]|bn[123])\.weight'
CONVNEXT = r'stages\.\d+\.blocks\.\d+\.(conv_dw|norm|mlp\.fc[12])\.(weight|bias)'


def follows(source: Source, style: str, prefix: str = '') -> bool:
    """Whether at least two tensors below `prefix` are named in `style`, so that one misspelt name changes nothing."""
    pattern = re.compile(re.escape(prefix) + f'(?:{style})')
    return sum(pattern.fullmatch(name) is not None for name in source.state) >= 2


def has_any(source: Source, pattern: str) -> bool:
    """Whether any name matches the regular expression as a whole."""
    return any(re.fullmatch(pattern, name) for name in source.state)

"""torchvision: ResNet (whose names timm shares), ViT and Swin. Facts: torchvision/models/{resnet,vision_transformer,
swin_transformer}.py."""

import re

from pretrain.checkpoint.canonical import HEAD, end_to_start_downsample
from pretrain.checkpoint.readers.reading import Reading, rename
from pretrain.checkpoint.readers.styles import RESNET, follows
from pretrain.checkpoint.source import Source

FAMILY = 'torchvision'

_VIT = r'encoder\.layers\.encoder_layer_\d+\..+'
_SWIN = r'features\.[1357]\.\d+\.attn\.(qkv|proj)\.weight'
_VIT_RULES = [
    ('class_token', 'cls_token'),
    (r'encoder\.pos_embedding', 'pos_embed'),
    (r'conv_proj\.(.+)', r'patch_embed.proj.\1'),
    (r'encoder\.ln\.(.+)', r'norm.\1'),
    (r'encoder\.layers\.encoder_layer_(\d+)\.ln_([12])\.(.+)', r'blocks.\1.norm\2.\3'),
    (r'encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_(weight|bias)', r'blocks.\1.attn.qkv.\2'),
    (r'encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.(.+)', r'blocks.\1.attn.proj.\2'),
    (r'encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:0|linear_1)\.(.+)', r'blocks.\1.mlp.fc1.\2'),
    (r'encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:3|linear_2)\.(.+)', r'blocks.\1.mlp.fc2.\2'),
]
_SWIN_RULES = [
    (r'features\.0\.0\.(.+)', r'patch_embed.proj.\1'),
    (r'features\.0\.2\.(.+)', r'patch_embed.norm.\1'),
]


def detect(source: Source) -> int:
    if follows(source, _VIT) or follows(source, _SWIN):
        return 30
    return 10 if follows(source, RESNET) else 0


def read(source: Source) -> Reading:
    if follows(source, _VIT):
        return rename(FAMILY, 'vit', source.state, _VIT_RULES, [(r'heads\..+', HEAD)])
    if follows(source, _SWIN):
        names = {name: _swin_name(name) for name in source.state}
        rules = [*_SWIN_RULES, *((re.escape(old), new) for old, new in names.items() if old != new)]
        return end_to_start_downsample(rename(FAMILY, 'swin', source.state, rules))
    return rename(FAMILY, 'resnet', source.state)


def _swin_name(name: str) -> str:
    """Odd entries of `features` are stages, even ones the merging after a stage; MLP layers are numbered 0 and 3."""
    found = re.fullmatch(r'features\.(\d+)\.(.+)', name)
    if not found or found.group(1) == '0':
        return name
    index, rest = int(found.group(1)), found.group(2)
    if index % 2 == 0:
        return f'layers.{index // 2 - 1}.downsample.{rest}'
    rest = re.sub(r'\.mlp\.([03])\.', lambda m: f'.mlp.fc{1 if m.group(1) == "0" else 2}.', rest)
    return f'layers.{index // 2}.blocks.{rest}'

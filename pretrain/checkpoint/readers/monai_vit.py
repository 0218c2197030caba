"""MONAI's volume transformers: `ViT`, `UNETR` (below `vit.`), `ViTAutoEnc`, and MIM-Med3D's files.

The patch embedding is a convolution, or a linear layer on flattened patches ('perceptron', channels last). From MONAI
1.5 on every block also has a cross-attention that takes no part. LayerNorms have torch's epsilon of 1e-5. MIM-Med3D
(ZEKAICHEN/MIM-Med3D) wraps the same network in Lightning, below `model.encoder.`.
Facts: monai/networks/nets/vit.py, monai/networks/blocks/{patchembedding,transformerblock,selfattention}.py.
"""

import re

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import Reading, Rename, rename
from pretrain.checkpoint.readers.styles import follows
from pretrain.checkpoint.readers.volumes import as_volumes
from pretrain.checkpoint.source import Source

FAMILY = 'monai'

_BLOCK = r'blocks\.\d+\.(norm[12]|attn\.(qkv|out_proj)|mlp\.linear[12])\.weight'
_PREFIXES = ('', 'vit.', 'model.encoder.', 'model.vit.', 'encoder.', 'model.')
_RULES: Rename = [
    (r'patch_embedding\.position_embeddings', 'pos_embed'),
    (r'patch_embedding\.cls_token', 'cls_token'),
    (r'patch_embedding\.patch_embeddings\.(?:1\.)?(weight|bias)', r'patch_embed.proj.\1'),
    (r'blocks\.(\d+)\.attn\.out_proj\.(.+)', r'blocks.\1.attn.proj.\2'),
    (r'blocks\.(\d+)\.mlp\.linear([12])\.(.+)', r'blocks.\1.mlp.fc\2.\3'),
]
_UNUSED = 'cross-attention that MONAI creates and does not use here'
_DROPS: Rename = [
    (r'blocks\.\d+\.(norm_cross_attn|cross_attn)\..+', _UNUSED),
    (r'classification_head\..+', HEAD),
    (r'mask_token', 'stands in for masked patches; features never mask'),
]


def detect(source: Source) -> int:
    return 35 if _prefix(source) is not None else 0


def read(source: Source) -> Reading:
    prefix = _prefix(source) or ''
    state = {name.removeprefix(prefix): t for name, t in source.state.items() if name.startswith(prefix)}
    inside = re.compile(r'(patch_embedding|blocks|norm|cls_token|mask_token|classification_head)(\..+)?')
    outside = {} if prefix else {n: t for n, t in state.items() if not inside.fullmatch(n)}
    state = {name: tensor for name, tensor in state.items() if name not in outside}
    reading = rename(FAMILY, 'vit3d', state, _RULES, _DROPS, facts={'initial_stage': 'unknown'})
    reading.origin = {new: tuple(prefix + old for old in olds) for new, olds in reading.origin.items()}
    reading.dropped = {prefix + name: reason for name, reason in reading.dropped.items()}
    others = [name for name in source.state if not name.startswith(prefix)] if prefix else list(outside)
    reading.dropped.update(dict.fromkeys(others, 'decoder or head around the transformer'))
    reading.net_args['norm_eps'] = 1e-5
    return as_volumes(reading, source)


def _prefix(source: Source) -> str | None:
    """What stands before the names of the transformer."""
    for prefix in _PREFIXES:
        if follows(source, _BLOCK, prefix) and source.has(f'{prefix}patch_embedding.'):
            return prefix
    return None

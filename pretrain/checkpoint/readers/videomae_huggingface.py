"""Hugging Face VideoMAE: stored names with `q_bias` and `v_bias`, and those of transformers 5 in memory.

Query, key and value are separate layers. `config.json` beside the file gives heads, frames and size. The heads of the
"small" model in Hugging Face's config are 16, those of the official network 6: the file's own config is believed, and
without one the official number is taken, which the card notes. The mean-pooled models end without the final norm.
"""

from typing import Any

from pretrain.checkpoint.canonical import HEAD, join_biases
from pretrain.checkpoint.readers.huggingface import require_agreement
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, Rename, fuse_attention, rename
from pretrain.checkpoint.readers.styles import follows
from pretrain.checkpoint.readers.videomae import place_sincos
from pretrain.checkpoint.source import Source

FAMILY = 'videomae-huggingface'

_P = r'(?:videomae\.)?'
_LAYER = _P + r'(?:encoder\.)?layers?\.(\d+)\.'
_STYLE = _LAYER + r'(attention\.(attention\.query|output\.dense|q_proj|o_proj)|layernorm_(before|after))\.weight'
_RULES: Rename = [
    (_P + r'embeddings\.patch_embeddings\.projection\.(.+)', r'patch_embed.proj.\1'),
    (_LAYER + r'attention\.(?:attention\.)?q_bias', r'blocks.\1.attn.q.bias'),
    (_LAYER + r'attention\.(?:attention\.)?v_bias', r'blocks.\1.attn.v.bias'),
    (_LAYER + r'attention\.(?:attention\.query|q_proj)\.(.+)', r'blocks.\1.attn.q.\2'),
    (_LAYER + r'attention\.(?:attention\.key|k_proj)\.(.+)', r'blocks.\1.attn.k.\2'),
    (_LAYER + r'attention\.(?:attention\.value|v_proj)\.(.+)', r'blocks.\1.attn.v.\2'),
    (_LAYER + r'attention\.(?:output\.dense|o_proj)\.(.+)', r'blocks.\1.attn.proj.\2'),
    (_LAYER + r'(?:intermediate\.dense|mlp\.fc1)\.(.+)', r'blocks.\1.mlp.fc1.\2'),
    (_LAYER + r'(?:output\.dense|mlp\.fc2)\.(.+)', r'blocks.\1.mlp.fc2.\2'),
    (_LAYER + r'layernorm_before\.(.+)', r'blocks.\1.norm1.\2'),
    (_LAYER + r'layernorm_after\.(.+)', r'blocks.\1.norm2.\2'),
    (_P + r'layernorm\.(.+)', r'norm.\1'),
    (r'fc_norm\.(.+)', r'fc_norm.\1'),
]
_DROPS: Rename = [
    (r'(?:decoder\..+|encoder_to_decoder\.weight|mask_token)', 'decoder of pre-training'),
    (r'classifier\..+', HEAD),
    (_P + r'embeddings\.position_embeddings', 'fixed positions, computed anew'),
]


def detect(source: Source) -> int:
    patch = source.state.get('videomae.embeddings.patch_embeddings.projection.weight')
    patch = patch if patch is not None else source.state.get('embeddings.patch_embeddings.projection.weight')
    return 40 if patch is not None and patch.dim() == 5 and follows(source, _STYLE) else 0


def read(source: Source) -> Reading:
    config = source.config if source.config.get('model_type') == 'videomae' else {}
    pre_trained = source.has('encoder_to_decoder.weight')
    facts: dict[str, Any] = {**IMAGENET, 'method': 'videomae', 'initial_stage': 'mim' if pre_trained else 'unknown'}
    reading = rename(FAMILY, 'vit3d', source.state, _RULES, _DROPS, facts=facts, norm_optional=True)
    for name in reading.below(r'blocks\.\d+\.norm1\.weight'):
        fuse_attention(reading, name.replace('norm1.weight', 'attn'), ('q', 'k', 'v'))
    join_biases(reading)
    if config:
        require_agreement(reading, config, source)
        reading.net_args['norm_eps'] = config.get('layer_norm_eps', 1e-12)
        if 'num_attention_heads' in config:
            reading.net_args['num_heads'] = config['num_attention_heads']
        side, frames = config.get('image_size', 224), config.get('num_frames', 16)
        source.hints.setdefault('img_size', [frames, *(side if isinstance(side, list) else [side, side])])
    else:
        reading.net_args['norm_eps'] = 1e-12
        facts['notes'] = ['no config.json beside the file: heads as in the official network of this width']
    place_sincos(reading, source)
    return reading

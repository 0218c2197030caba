"""Hugging Face ViT, ViT-MAE, BEiT, data2vec-vision and Swin: stored names, and those of transformers 5 in memory.

Query, key and value are separate layers there. LayerNorm's epsilon is 1e-12 for ViT and BEiT and 1e-5 for Swin unless
`config.json` beside the file says otherwise; that file also gives heads and image size.
"""

from typing import Any

from pretrain.checkpoint.canonical import HEAD, end_to_start_downsample
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, Rename, fuse_attention, rename
from pretrain.checkpoint.readers.styles import follows, has_any
from pretrain.checkpoint.shapes import Shapes
from pretrain.checkpoint.source import Source
from pretrain.errors import CheckpointError

FAMILY = 'huggingface'

_P = r'(?:(?:vit|beit|data2vec_vision|swin)\.)?'
_LAYER = _P + r'(?:encoder\.)?layers?\.(\d+)\.'
_BLOCK = _P + r'encoder\.layers\.(\d+)\.blocks\.(\d+)\.'
_PLAIN = _LAYER + r'(attention\.(attention\.query|output\.dense|q_proj|o_proj)|layernorm_(before|after))\.weight'
_SWIN = _BLOCK + r'(attention\.(self\.query|output\.dense|q_proj|o_proj)|layernorm_(before|after))\.weight'
_TABLE = 'relative_position_bias_table'
_PLAIN_RULES: Rename = [
    (_P + r'embeddings\.cls_token', 'cls_token'),
    (_P + r'embeddings\.position_embeddings', 'pos_embed'),
    (_P + r'embeddings\.patch_embeddings\.projection\.(.+)', r'patch_embed.proj.\1'),
    (_LAYER + r'attention\.(?:attention\.query|q_proj)\.(.+)', r'blocks.\1.attn.q.\2'),
    (_LAYER + r'attention\.(?:attention\.key|k_proj)\.(.+)', r'blocks.\1.attn.k.\2'),
    (_LAYER + r'attention\.(?:attention\.value|v_proj)\.(.+)', r'blocks.\1.attn.v.\2'),
    (_LAYER + r'attention\.(?:output\.dense|o_proj)\.(.+)', r'blocks.\1.attn.proj.\2'),
    (_LAYER + rf'(?:attention\.attention\.)?relative_position_bias\.{_TABLE}', rf'blocks.\1.attn.{_TABLE}'),
    (_LAYER + r'(?:intermediate\.dense|mlp\.fc1)\.(.+)', r'blocks.\1.mlp.fc1.\2'),
    (_LAYER + r'(?:output\.dense|mlp\.fc2)\.(.+)', r'blocks.\1.mlp.fc2.\2'),
    (_LAYER + r'layernorm_before\.(.+)', r'blocks.\1.norm1.\2'),
    (_LAYER + r'layernorm_after\.(.+)', r'blocks.\1.norm2.\2'),
    (_LAYER + r'lambda_([12])', r'blocks.\1.gamma_\2'),
    (_P + rf'(?:encoder\.relative_position_bias|shared_position_bias)\.{_TABLE}', f'rel_pos_bias.{_TABLE}'),
    (_P + r'pooler\.layernorm\.(.+)', r'fc_norm.\1'),
    (_P + r'layernorm\.(.+)', r'norm.\1'),
]
_SWIN_RULES: Rename = [
    (_P + r'embeddings\.patch_embeddings\.projection\.(.+)', r'patch_embed.proj.\1'),
    (_P + r'embeddings\.norm\.(.+)', r'patch_embed.norm.\1'),
    (_BLOCK + r'attention\.(?:self\.query|q_proj)\.(.+)', r'layers.\1.blocks.\2.attn.q.\3'),
    (_BLOCK + r'attention\.(?:self\.key|k_proj)\.(.+)', r'layers.\1.blocks.\2.attn.k.\3'),
    (_BLOCK + r'attention\.(?:self\.value|v_proj)\.(.+)', r'layers.\1.blocks.\2.attn.v.\3'),
    (_BLOCK + r'attention\.(?:output\.dense|o_proj)\.(.+)', r'layers.\1.blocks.\2.attn.proj.\3'),
    (
        _BLOCK + rf'attention\.(?:self|relative_position_bias)\.({_TABLE}|relative_position_index)',
        r'layers.\1.blocks.\2.attn.\3',
    ),
    (_BLOCK + r'(?:intermediate\.dense|mlp\.fc1)\.(.+)', r'layers.\1.blocks.\2.mlp.fc1.\3'),
    (_BLOCK + r'(?:output\.dense|mlp\.fc2)\.(.+)', r'layers.\1.blocks.\2.mlp.fc2.\3'),
    (_BLOCK + r'layernorm_before\.(.+)', r'layers.\1.blocks.\2.norm1.\3'),
    (_BLOCK + r'layernorm_after\.(.+)', r'layers.\1.blocks.\2.norm2.\3'),
    (_P + r'encoder\.layers\.(\d+)\.downsample\.(.+)', r'layers.\1.downsample.\2'),
    (_P + r'layernorm\.(.+)', r'norm.\1'),
]
_DROPS: Rename = [
    (_P + r'embeddings\.mask_token', 'stands in for masked patches; features never mask'),
    (_P + r'pooler\.dense\.(weight|bias)', 'pooler of the class token'),
    (r'(?:decoder|classifier|lm_head|decode_head|auxiliary_head)\..+', HEAD),
    (r'.*relative_position_index', 'computed from the window, not a weight'),
]


def detect(source: Source) -> int:
    return 30 if follows(source, _PLAIN) or follows(source, _SWIN) else 0


def read(source: Source) -> Reading:
    config = _config(source)
    if follows(source, _SWIN):
        reading = rename(FAMILY, 'swin', source.state, _SWIN_RULES, _DROPS, facts=_facts(source))
        _fuse(reading, r'layers\.\d+\.blocks\.\d+\.norm1\.weight')
        require_agreement(reading, config, source)
        side = config.get('image_size')
        reading.image_side = side if isinstance(side, int) else None
        if config.get('layer_norm_eps', 1e-5) != 1e-5:
            reading.net_args['norm_eps'] = config['layer_norm_eps']
        return end_to_start_downsample(reading)
    beit = has_any(source, r'.*(lambda_[12]|' + _TABLE + ')') or not has_any(source, r'.*(key|k_proj)\.bias')
    kind = 'beit' if beit else 'vit'
    reading = rename(FAMILY, kind, source.state, _PLAIN_RULES, _DROPS, facts=_facts(source), norm_optional=beit)
    _fuse(reading, r'blocks\.\d+\.norm1\.weight')
    require_agreement(reading, config, source)
    reading.net_args['norm_eps'] = config.get('layer_norm_eps', 1e-12)
    if 'num_attention_heads' in config:
        reading.net_args['num_heads'] = config['num_attention_heads']
    if isinstance(config.get('image_size'), list):
        source.hints.setdefault('img_size', config['image_size'])
    return reading


def require_agreement(reading: Reading, config: dict[str, Any], source: Source) -> None:
    """Raise CheckpointError where `config.json` names an activation other than GELU, or another size than the tensors.

    An activation that `--arch-args` names is the user's word and passes.
    """
    activation = config.get('hidden_act', 'gelu')
    if activation not in ('gelu', 'gelu_python') and 'act_layer' not in source.hints:
        raise CheckpointError(
            f'{source.path}: config.json says hidden_act {activation!r}, networks here have gelu; a plain ViT takes '
            'another: --arch-args \'{"act_layer": "gelu_tanh"}\' (timm\'s names: gelu_tanh, quick_gelu, relu, silu)'
        )
    shapes = Shapes(reading.tensors, str(source.path))
    if reading.kind == 'swin':
        stages = shapes.count(r'layers\.(\d+)\.')
        found: dict[str, Any] = {'depths': [shapes.count(rf'layers\.{i}\.blocks\.(\d+)\.') for i in range(stages)]}
    else:
        width = shapes.common(r'blocks\.\d+\.norm[12]\.(weight|bias)')
        found = {'num_hidden_layers': shapes.count(r'blocks\.(\d+)\.'), 'hidden_size': width}
    for name, value in found.items():
        if config.get(name, value) != value:
            raise CheckpointError(
                f'{source.path}: config.json says {name} {config[name]}, the file has {value}: it is incomplete, or '
                'config.json is of another network; complete the one or move the other'
            )


def _config(source: Source) -> dict[str, Any]:
    """`config.json`, if it is of one of these models."""
    known = ('vit', 'vit_mae', 'beit', 'data2vec-vision', 'swin', 'deit')
    return source.config if source.config.get('model_type') in known else {}


def _facts(source: Source) -> dict[str, Any]:
    """Only ViT-MAE has a decoder of blocks; a mask token means masked pre-training of some kind."""
    if source.has('decoder.decoder_embed.'):
        return {**IMAGENET, 'method': 'mae', 'initial_stage': 'mim'}
    masked = has_any(source, r'.*embeddings\.mask_token') and not source.has('classifier.')
    return {'initial_stage': 'mim' if masked else 'unknown'}


def _fuse(reading: Reading, norms: str) -> None:
    for name in reading.below(norms):
        fuse_attention(reading, name.replace('norm1.weight', 'attn'), ('q', 'k', 'v'))

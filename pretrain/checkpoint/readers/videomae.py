"""VideoMAE v1 and v2 (MCG-NJU/VideoMAE, OpenGVLab/VideoMAEv2): pre-trained under `encoder.`, fine-tuned without prefix.

timm's names, but the attention has `q_bias` and `v_bias` and no key bias. Positions are sines of the raster index,
computed when the network is built and never stored. The published files are for 16 frames of 224 x 224.
Facts: modeling_pretrain.py and modeling_finetune.py.
"""

import math

from pretrain.checkpoint.canonical import HEAD, join_biases
from pretrain.checkpoint.positions import sincos_1d
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, rename, strip
from pretrain.checkpoint.readers.styles import VIT, follows
from pretrain.checkpoint.source import Source

FAMILY = 'videomae'
FRAMES, SIDE = 16, 224

_PREFIX = 'encoder.'
_DROPS = [
    (r'decoder\..+|encoder_to_decoder\.weight|mask_token', 'decoder of pre-training'),
    (r'head\.(weight|bias)', HEAD),
]


def detect(source: Source) -> int:
    patch = [source.state.get(f'{prefix}patch_embed.proj.weight') for prefix in (_PREFIX, '')]
    if not any(tensor is not None and tensor.dim() == 5 for tensor in patch):
        return 0
    if follows(source, VIT, _PREFIX) and source.has('encoder_to_decoder.weight'):
        return 40
    return 25 if follows(source, VIT) and not source.has('pos_embed') and not source.has('cls_token') else 0


def read(source: Source) -> Reading:
    """The table of positions is added, because networks of this house store theirs."""
    pre_trained = source.has('encoder_to_decoder.weight')
    facts = {**IMAGENET, 'method': 'videomae', 'initial_stage': 'mim' if pre_trained else 'unknown'}
    reading = rename(FAMILY, 'vit3d', source.state, [strip(_PREFIX)], _DROPS, facts=facts)
    join_biases(reading)
    place_sincos(reading, source)
    return reading


def place_sincos(reading: Reading, source: Source) -> None:
    """Add VideoMAE's fixed positions for the input that `--arch-args` names, else for the published one."""
    weight = reading.tensors['patch_embed.proj.weight']
    size = list(source.hints.get('img_size') or (FRAMES, SIDE, SIDE))
    rows = math.prod(n // p for n, p in zip(size, weight.shape[2:], strict=True))
    reading.net_args['img_size'] = size
    reading.tensors['pos_embed'] = sincos_1d(rows, weight.shape[0])[None]
    reading.origin['pos_embed'] = ()

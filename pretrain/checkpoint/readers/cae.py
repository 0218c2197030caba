"""CAE (lxtGH/CAE): a BEiT-like encoder below `encoder.`, and a full copy of it below `teacher.`.

Positions are fixed, row first. Facts: models/modeling_cae.py.
"""

from pretrain.checkpoint.readers.reading import Reading, rename, strip
from pretrain.checkpoint.readers.styles import VIT, follows, has_any
from pretrain.checkpoint.source import Source

FAMILY = 'cae'

_DROPS = [
    (r'teacher\..+', 'copy of the encoder that makes the alignment target'),
    (r'pretext_neck\..+', 'latent regressor and decoder of pre-training'),
    (r'encoder_to_decoder(_norm)?\.(weight|bias)', 'latent regressor and decoder of pre-training'),
    (r'mask_token|encoder\.mask_token', 'stands in for masked patches; features never mask'),
]
_SIGNS = r'(teacher|pretext_neck|encoder_to_decoder|encoder_to_decoder_norm)\..+'
# The small model has heads of 32 channels, unlike every other small transformer.
_HEADS = {384: 12}


def detect(source: Source) -> int:
    return 30 if follows(source, VIT, 'encoder.') and has_any(source, _SIGNS) else 0


def read(source: Source) -> Reading:
    facts = {'method': 'cae', 'initial_stage': 'mim'}
    return rename(FAMILY, 'beit', source.state, [strip('encoder.')], _DROPS, facts=facts, heads=_HEADS)

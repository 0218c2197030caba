"""MaskPoint (haotian-liu/MaskPoint): the encoder of Point-BERT, with a decoder that tells real points from fake ones.

The layout is from memory and unverified: `transformer_q.` as in Point-BERT, a decoder below it and no momentum copy. A
file with other names fails with the names that nothing explains; it never loads in part.
"""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.point_mae import DECODER, SEGMENTATION, read_points
from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.source import Source

FAMILY = 'maskpoint'

_PREFIX = 'transformer_q.'
_DROPS = [
    (r'(transformer_q\.)?(decoder|decoder_\w+|bool_head|point_head|dec_\w+)\..+|(transformer_q\.)?mask_token', DECODER),
    (r'(transformer_q\.)?(cls_head|lm_head)\..+', 'prediction head of pre-training'),
    (r'cls_head_finetune\..+|' + SEGMENTATION, HEAD),
]


def detect(source: Source) -> int:
    if not source.has(f'{_PREFIX}encoder.first_conv.') or source.has('transformer_k.') or source.has('dvae.'):
        return 0
    marks = ('decoder.', 'bool_head.', 'dec_')
    return 35 if any(name.removeprefix(_PREFIX).startswith(marks) for name in source.state) else 0


def read(source: Source) -> Reading:
    return read_points(FAMILY, source, _PREFIX, _DROPS, {'method': 'maskpoint', 'initial_stage': 'mim'})

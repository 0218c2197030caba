"""Point-BERT (Julie-tang00/Point-BERT): pre-trained under `transformer_q.`, with a momentum copy and the dVAE.

As Point-MAE, with a class token, a group embedding of 256 and `reduce_dim` behind it. Fine-tuned files of MaskPoint
have the same names. Facts: models/Point_BERT.py and our reference; the names of its prediction heads are from memory
and unverified.
"""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.point_mae import SEGMENTATION, read_points
from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.source import Source

FAMILY = 'point-bert'

_PREFIX = 'transformer_q.'
_DROPS = [
    (r'transformer_k\..+', 'momentum copy of the encoder'),
    (r'dvae\..+', 'tokenizer that made the targets'),
    (r'queue|queue_ptr', 'memory of contrast'),
    (r'(transformer_q\.)?(lm_head|cls_head)\..+|(transformer_q\.)?mask_token', 'prediction head of pre-training'),
    (r'cls_head_finetune\..+|' + SEGMENTATION, HEAD),
]


def detect(source: Source) -> int:
    if source.has(f'{_PREFIX}encoder.first_conv.', f'{_PREFIX}blocks.blocks.'):
        return 40 if source.has('transformer_k.') or source.has('dvae.') else 30
    return 30 if source.has('encoder.first_conv.', 'blocks.blocks.', 'reduce_dim.') else 0


def read(source: Source) -> Reading:
    tuned = not source.has(_PREFIX)
    facts = {'method': 'point-bert', 'initial_stage': 'unknown' if tuned else 'mim'}
    return read_points(FAMILY, source, _PREFIX, _DROPS, facts)

"""MaskPoint (haotian-liu/MaskPoint): the encoder of Point-BERT, with a decoder that tells real points from fake ones.

A pre-training file holds `transformer_q.` with encoder, decoder and heads, its momentum copy `transformer_k.` and the
queue of a contrast that the published recipe switches off. Facts: models/MaskPoint.py, models/transformer.py. A
fine-tuned file has the names of a fine-tuned Point-BERT and is read as one.
"""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.point_mae import DECODER, SEGMENTATION, read_points
from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.source import Source

FAMILY = 'maskpoint'

_PREFIX = 'transformer_q.'
_DROPS = [
    (r'transformer_k\..+', 'momentum copy of the encoder'),
    (r'queue|queue_ptr', 'memory of contrast'),
    (r'transformer_q\.(decoder\..+|mask_token)', DECODER),
    (r'transformer_q\.(bin_cls_head|cls_head)\..+', 'prediction head of pre-training'),
    (r'cls_head_finetune\..+|' + SEGMENTATION, HEAD),
]


def detect(source: Source) -> int:
    """Point-BERT's names below the prefix, and beside them the decoder or the head that tells real from fake."""
    if not source.has(f'{_PREFIX}encoder.first_conv.', f'{_PREFIX}blocks.blocks.'):
        return 0
    return 50 if source.has(f'{_PREFIX}decoder.') or source.has(f'{_PREFIX}bin_cls_head.') else 0


def read(source: Source) -> Reading:
    return read_points(FAMILY, source, _PREFIX, _DROPS, {'method': 'maskpoint', 'initial_stage': 'mim'})

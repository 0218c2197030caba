"""Point-MAE (Pang-Yatian/Point-MAE): pre-trained under `MAE_encoder.`, fine-tuned and part segmentation without prefix.

The blocks are timm's, one module deeper (`blocks.blocks.0`); `pos_embed` is the MLP of centres, not a table. Published
files are for 64 groups of 32 points; that nothing in them tells. Facts: models/Point_MAE.py, utils/checkpoint.py.
"""

import re

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import Reading, rename
from pretrain.checkpoint.source import Source

FAMILY = 'point-mae'

PREFIX = 'MAE_encoder.'
DECODER = 'decoder of pre-training'
RULES = [
    (r'encoder\.((?:first|second)_conv\..+)', r'patch_embed.\1'),
    (r'pos_embed\.(.+)', r'pos_mlp.\1'),
    (r'blocks\.blocks\.(.+)', r'blocks.\1'),
]
"""From the names that Point-MAE, Point-BERT and MaskPoint share to those of this house."""
SEGMENTATION = r'(propagation_\d+|label_conv|convs\d|bns\d|dp\d)(\..+)?'
_DROPS = [
    (r'MAE_decoder\..+|decoder_pos_embed\..+|increase_dim\..+|mask_token', DECODER),
    (r'cls_head_finetune\..+|' + SEGMENTATION, HEAD),
]


def detect(source: Source) -> int:
    """`MAE_encoder.` is certain; without it the groups' embedding beside Point-MAE's position of the blocks."""
    if source.has(f'{PREFIX}encoder.first_conv.', f'{PREFIX}blocks.blocks.'):
        return 40
    return 25 if source.has('encoder.first_conv.', 'blocks.blocks.') and not source.has('reduce_dim.') else 0


def read(source: Source) -> Reading:
    tuned = not source.has(PREFIX)
    facts = {'method': 'point-mae', 'initial_stage': 'unknown' if tuned else 'mim'}
    return read_points(FAMILY, source, PREFIX, _DROPS, facts)


def read_points(family: str, source: Source, prefix: str, drops: list, facts: dict) -> Reading:
    """The tensors below `prefix`, which fine-tuned files do not have, in this house's names."""
    rules = [(f'(?:{re.escape(prefix)})?{pattern}', new) for pattern, new in RULES]
    rules.append((re.escape(prefix) + '(.+)', r'\1'))
    return rename(family, 'points', source.state, rules, drops, facts=facts)

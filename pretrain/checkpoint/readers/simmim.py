"""SimMIM (microsoft/SimMIM): ViT in BEiT's form or Swin, both below `encoder.`, with a one-layer `decoder`.

Facts: models/simmim.py.
"""

from pretrain.checkpoint.canonical import end_to_start_downsample
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, rename, strip
from pretrain.checkpoint.readers.styles import SWIN, VIT, follows
from pretrain.checkpoint.source import Source

FAMILY = 'simmim'

_DROPS = [
    (r'encoder\.mask_token', 'stands in for masked patches; features never mask'),
    (r'decoder\.\d+\.(weight|bias)', 'decoder of pre-training'),
]


def detect(source: Source) -> int:
    return 20 if follows(source, VIT, 'encoder.') or follows(source, SWIN, 'encoder.') else 0


def read(source: Source) -> Reading:
    kind = 'swin' if follows(source, SWIN, 'encoder.') else 'vit'
    facts = {**IMAGENET, 'method': 'simmim', 'initial_stage': 'mim'}
    reading = rename(FAMILY, kind, source.state, [strip('encoder.')], _DROPS, facts=facts)
    return end_to_start_downsample(reading) if kind == 'swin' else reading

"""Swin Transformer (microsoft/Swin-Transformer), also SimMIM's fine-tuned files: original names, no prefix.

The original merges patches at the end of a stage, timm at the start of the next one. Facts: models/swin_transformer.py.
"""

from pretrain.checkpoint.canonical import end_to_start_downsample
from pretrain.checkpoint.readers.reading import Reading, rename
from pretrain.checkpoint.readers.styles import SWIN, follows, has_any
from pretrain.checkpoint.source import Source

FAMILY = 'swin'


def detect(source: Source) -> int:
    return 15 if follows(source, SWIN) and has_any(source, r'layers\.0\.downsample\..*') else 0


def read(source: Source) -> Reading:
    return end_to_start_downsample(rename(FAMILY, 'swin', source.state))

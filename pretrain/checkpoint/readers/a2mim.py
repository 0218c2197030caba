"""A2MIM with ResNet (Westlake-AI/openmixup): torchvision names below `backbone.`, and the token of the masked stage.

Facts: openmixup/models/backbones/mim_resnet.py.
"""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, rename, strip
from pretrain.checkpoint.readers.styles import RESNET, follows, has_any
from pretrain.checkpoint.source import Source

FAMILY = 'a2mim'

_DROPS = [
    (r'backbone\.mask_(token|gamma)', 'stands in for masked positions; features never mask'),
    (r'(head|neck)\..+', HEAD),
]


def detect(source: Source) -> int:
    masked = has_any(source, r'backbone\.mask_(token|gamma)') or source.has('neck.decoder.')
    return 25 if masked and follows(source, RESNET, 'backbone.') else 0


def read(source: Source) -> Reading:
    facts = {**IMAGENET, 'method': 'a2mim', 'initial_stage': 'mim'}
    return rename(FAMILY, 'resnet', source.state, [strip('backbone.')], _DROPS, facts=facts)

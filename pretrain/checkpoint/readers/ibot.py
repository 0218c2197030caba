"""iBOT (bytedance/ibot) and DINO (facebookresearch/dino): teacher and student, or the backbone alone.

The full file holds `teacher` (`backbone.*`, `head.*`) and `student` (the same below `module.`); the teacher is the
published network. A backbone file holds bare ViT names under `state_dict`.
Facts: main_ibot.py, models/vision_transformer.py.
"""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, rename, strip
from pretrain.checkpoint.readers.styles import BEIT, VIT, follows
from pretrain.checkpoint.source import Source

FAMILY = 'ibot'

_DROPS = [
    (r'(backbone\.)?masked_embed', 'stands in for masked patches; features never mask'),
    (r'head\.(mlp|mlp2|last_layer|last_layer2|last_norm|last_norm2)\..+', HEAD),
    (r'backbone\.head\..+', HEAD),
]


def detect(source: Source) -> int:
    pair = 'teacher' in source.wrappers or 'student' in source.wrappers
    if pair and (follows(source, VIT, 'backbone.') or follows(source, VIT)):
        return 40
    if not follows(source, VIT) or follows(source, BEIT):
        return 0
    if source.has('masked_embed'):
        return 25
    return 14 if source.wrappers[-1:] == ('state_dict',) and not source.has('head.') else 0


def read(source: Source) -> Reading:
    method, stage = _method(source)
    facts = {**IMAGENET, 'method': method, 'initial_stage': stage}
    return rename(FAMILY, 'vit', source.state, [strip('backbone.')], _DROPS, facts=facts)


def _method(source: Source) -> tuple[str, str]:
    """Both write the same names; the loss or the mask embedding, if only the student's, tells them apart."""
    names = {*source.state, *source.dropped, *source.around}
    if 'ibot_loss' in names or any(name.endswith('masked_embed') for name in names):
        return 'ibot', 'mim'
    return ('dino', 'unknown') if 'dino_loss' in names else ('unknown', 'unknown')

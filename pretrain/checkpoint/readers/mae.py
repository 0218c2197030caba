"""MAE (facebookresearch/mae): encoder-only, full, training and fine-tuned files, all under `model`.

Encoder and decoder use timm's ViT names; the fine-tuned network pools patch tokens and then applies `fc_norm`.
Facts: models_mae.py and models_vit.py.
"""

from typing import Any

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.positions import kind_of
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, rename
from pretrain.checkpoint.readers.styles import BEIT, VIT, follows, has_any
from pretrain.checkpoint.source import Source

FAMILY = 'mae'

_DECODER = r'mask_token|decoder_pos_embed|decoder_(embed|norm|pred)\.(weight|bias)|decoder_blocks\.\d+\..+'
# Fine-tuning has one layer, linear probing a BatchNorm and a layer, SupMAE a classifier beside the decoder.
_HEADS = r'head\.(weight|bias)|head\.[01]\..+|cls_head\..+'


def detect(source: Source) -> int:
    """A decoder is certain. Without one the names are those of any ViT.

    Then fixed positions tell, or the form: under `model`, headless or with `fc_norm`. The form alone says nothing about
    the method.
    """
    if not follows(source, VIT) or follows(source, BEIT):
        return 0
    if has_any(source, r'decoder_blocks\.\d+\..*'):
        return 30
    if _fixed_positions(source):
        return 20
    return 15 if source.wrappers[-1:] == ('model',) and (not source.has('head.') or source.has('fc_norm.')) else 0


def read(source: Source) -> Reading:
    facts: dict[str, Any] = {}
    if has_any(source, _DECODER) or _fixed_positions(source):
        facts = {**IMAGENET, 'method': 'mae', 'initial_stage': 'unknown' if source.has('head.') else 'mim'}
    drops = [(_DECODER, 'decoder of pre-training'), (_HEADS, HEAD)]
    return rename(FAMILY, 'vit', source.state, drops=drops, facts=facts)


def _fixed_positions(source: Source) -> bool:
    table = source.state.get('pos_embed')
    if table is None or table.dim() != 3:
        return False
    side = round((table.shape[1] - 1) ** 0.5)
    return side * side == table.shape[1] - 1 and kind_of(table[0, 1:], (side, side)) == 'sincos-xy'

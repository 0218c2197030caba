"""BEiT v1 and v2 (microsoft/unilm) and data2vec vision, which trains in BEiT's code.

Pre-trained files have one relative table for all blocks (`rel_pos_bias`), fine-tuned ones a table per block. The
released IN-1k file of v1 has absolute positions and neither tables nor `gamma`. v2 adds `cls_pt_*` for the class token.
Facts: modeling_pretrain.py, modeling_finetune.py, modeling_cyclical.py.
"""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, rename
from pretrain.checkpoint.readers.styles import BEIT, VIT, follows
from pretrain.checkpoint.source import Source

FAMILY = 'beit'

_DROPS = [
    ('mask_token', 'stands in for masked patches; features never mask'),
    (r'(lm_head|head)\.(.+\.)?(weight|bias)', HEAD),
    (r'cls_pt_(layers\.\d+|norm|lm_head)\..+', 'branch that trains the class token (BEiT v2)'),
]


def detect(source: Source) -> int:
    return 12 if follows(source, VIT) and follows(source, BEIT) else 0


def read(source: Source) -> Reading:
    method = _method(source)
    facts = {'method': method, 'initial_stage': 'mim' if 'mask_token' in source.state else 'unknown', **_pixels(source)}
    return rename(FAMILY, 'beit', source.state, drops=_DROPS, facts=facts)


def _method(source: Source) -> str:
    """data2vec predicts features as wide as its own, BEiT 8192 token ids; only v2 has the class token's branch.

    Other files could be either.
    """
    head = source.state.get('lm_head.weight')
    if source.has('cls_pt_layers.'):
        return 'beit2'
    if head is not None and head.dim() == 2:
        return 'data2vec' if head.shape[0] == head.shape[1] else 'beit'
    return 'unknown'


def _pixels(source: Source) -> dict:
    """Mean and std are a flag of the training script, stored with the arguments of a training checkpoint."""
    flag = getattr(source.around.get('args'), 'imagenet_default_mean_and_std', None)
    if flag is None:
        return {}
    return IMAGENET if flag else {'mean': (0.5, 0.5, 0.5), 'std': (0.5, 0.5, 0.5)}

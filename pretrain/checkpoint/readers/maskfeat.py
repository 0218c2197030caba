"""MaskFeat for images (facebookresearch/SlowFast): `model_state` with ViT names from the MViT class.

The pre-trained encoder ends without a norm. The fine-tuned one averages its tokens and norms the mean, so that norm is
not part of the tokens either. Facts: slowfast/models/masked.py.
"""

import re

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, fuse_attention, rename
from pretrain.checkpoint.readers.styles import VIT, follows
from pretrain.checkpoint.source import Source
from pretrain.errors import CheckpointError

FAMILY = 'maskfeat'

_DROPS = [
    ('mask_token', 'stands in for masked patches; features never mask'),
    (r'pred_head\..+', HEAD),
    (r'head\.projection\.(weight|bias)', HEAD),
    (r'hogs\.\d+\..+', 'constant filters of the target'),
]
_MULTISCALE = re.compile(r'blocks\.\d+\.(attn\.(pool|norm|rel_pos)_.*|proj\..*)|pos_embed_(spatial|temporal|class)')


def detect(source: Source) -> int:
    return 40 if source.wrappers[-1:] == ('model_state',) and follows(source, VIT) else 0


def read(source: Source) -> Reading:
    pooled = next((name for name in source.state if _MULTISCALE.fullmatch(name)), None)
    patch = source.state.get('patch_embed.proj.weight')
    if pooled or (patch is not None and patch.dim() == 5):
        raise CheckpointError(
            f'{source.path}: a multiscale or video MViT ({pooled or "5-D patch embedding"}); only image ViTs are read'
        )
    facts = {**IMAGENET, 'method': 'maskfeat', 'initial_stage': 'unknown' if source.has('head.') else 'mim'}
    rules = [(r'norm\.(weight|bias)', r'fc_norm.\1')] if _norms_the_mean(source) else []
    reading = rename(FAMILY, 'vit', source.state, rules, _DROPS, facts=facts, norm_optional=True)
    for block in reading.below(r'blocks\.\d+\.norm1\.weight'):
        fuse_attention(reading, block.replace('norm1.weight', 'attn'), ('q', 'k', 'v'))
    return reading


def _norms_the_mean(source: Source) -> bool:
    """The stored config says so; without one, a fine-tuned file follows the recipe, which does."""
    said = re.search(r'USE_MEAN_POOLING:\s*(true|false)', str(source.around.get('cfg', '')), re.IGNORECASE)
    return said.group(1).lower() == 'true' if said else source.has('head.')

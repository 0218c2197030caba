"""MAE-ST (facebookresearch/mae_st, SlowFast): `model` or `model_state`, pre-trained and fine-tuned.

timm's names, but query, key and value are separate layers `attn.q`, `attn.k`, `attn.v`, and positions are two learned
tables that are added, `pos_embed_spatial` `(1, H * W, D)` and `pos_embed_temporal` `(1, T, D)`, with `pos_embed_class`
for the class token. SlowFast's fine-tuned files have `head.projection.*`. Facts: models_mae.py, models_vit.py.
"""

import math

import torch

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import IMAGENET, Reading, fuse_attention, rename
from pretrain.checkpoint.source import Source
from pretrain.errors import CheckpointError

FAMILY = 'maest'

_TABLES = ('pos_embed_spatial', 'pos_embed_temporal', 'pos_embed_class')
_DROPS = [
    (r'mask_token|decoder_.+|pred_head\..+', 'decoder of pre-training'),
    (r'head\.(projection\.)?(weight|bias)', HEAD),
]


def detect(source: Source) -> int:
    patch = source.state.get('patch_embed.proj.weight')
    if patch is None or patch.dim() != 5 or not source.has('pos_embed_spatial', 'pos_embed_temporal'):
        return 0
    return 40


def read(source: Source) -> Reading:
    tuned = source.has('head.')
    facts = {**IMAGENET, 'method': 'mae-st', 'initial_stage': 'unknown' if tuned else 'mim'}
    reading = rename(FAMILY, 'vit3d', source.state, drops=_DROPS, facts=facts)
    for name in reading.below(r'blocks\.\d+\.norm1\.weight'):
        fuse_attention(reading, name.replace('norm1.weight', 'attn'), ('q', 'k', 'v'))
    _join_positions(reading, source)
    return reading


def _join_positions(reading: Reading, source: Source) -> None:
    """The sum of both tables as one, raster order; the class token's row first."""
    names = [name for name in _TABLES if name in reading.tensors]
    space, time = (reading.tensors[name] for name in names[:2])
    table = (time.unsqueeze(2) + space.unsqueeze(1)).flatten(1, 2)
    if 'pos_embed_class' in names:
        table = torch.cat([reading.tensors['pos_embed_class'], table], dim=1)
    reading.put('pos_embed', table, names)
    patch = reading.tensors['patch_embed.proj.weight'].shape[2:]
    side = math.isqrt(space.shape[1])
    plane = source.hints.get('img_size', [0, side * patch[1], side * patch[2]])[1:]
    if math.prod(n // p for n, p in zip(plane, patch[1:], strict=True)) != space.shape[1]:
        raise CheckpointError(
            f'{source.path}: pos_embed_spatial has {space.shape[1]} rows, which is no square of patches '
            f'{tuple(patch[1:])}; give the input: --arch-args \'{{"img_size": [T, H, W]}}\''
        )
    reading.net_args['img_size'] = [time.shape[1] * patch[0], *plane]

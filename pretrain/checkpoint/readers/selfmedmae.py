"""SelfMedMAE (cvlab-stonybrook/SelfMedMAE): a volume MAE below `state_dict`.

Tensors are `encoder.*`, `encoder_pos_embed` and `decoder.*`.

The encoder has a class token, but its table of positions has no row for it; the released loader puts a row of zeros in
front, and so does this one. The names inside `encoder.` are timm's (lib/networks/mae_vit.py, patch_embed_layers.py).
"""

import torch

from pretrain.checkpoint.readers.reading import Reading, rename, strip
from pretrain.checkpoint.readers.styles import VIT, follows
from pretrain.checkpoint.readers.volumes import as_volumes
from pretrain.checkpoint.source import Source

FAMILY = 'selfmedmae'

_PREFIX = 'encoder.'
_DROPS = [
    (r'(decoder|encoder_to_decoder)\..+|decoder_pos_embed|mask_token', 'decoder of pre-training'),
    (r'patch_norm\..+', 'normalisation of the targets'),
]


def detect(source: Source) -> int:
    return 45 if follows(source, VIT, _PREFIX) and source.has('encoder_pos_embed') else 0


def read(source: Source) -> Reading:
    rules = [('encoder_pos_embed', 'pos_embed'), strip(_PREFIX)]
    facts = {'method': 'selfmedmae', 'initial_stage': 'mim'}
    reading = rename(FAMILY, 'vit3d', source.state, rules, _DROPS, facts=facts)
    reading = as_volumes(reading, source)
    table, token = reading.tensors.get('pos_embed'), reading.tensors.get('cls_token')
    if table is not None and token is not None and _lacks_row(table, reading, source):
        reading.tensors['pos_embed'] = torch.cat([table.new_zeros(1, 1, table.shape[-1]), table], dim=1)
    return reading


def _lacks_row(table: torch.Tensor, reading: Reading, source: Source) -> bool:
    """Whether the table has as many rows as there are patches."""
    size = source.hints.get('img_size') or reading.net_args.get('img_size')
    if size is None:
        return False
    patch = reading.tensors['patch_embed.proj.weight'].shape[2:]
    rows = 1
    for side, length in zip(size, patch, strict=True):
        rows *= side // length
    return table.shape[1] == rows

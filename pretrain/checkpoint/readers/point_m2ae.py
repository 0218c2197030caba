"""Point-M2AE (ZrrSkywalker/Point-M2AE) and I2P-MAE: a hierarchy under `h_encoder.`.

The names below that prefix are from memory and unverified. A file with other names fails with the names that nothing
explains; it never loads in part. Published files are for 512, 256 and 64 groups of 16, 8 and 8.
"""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import Reading, rename
from pretrain.checkpoint.source import Source

FAMILY = 'point-m2ae'

_RULES = [
    (r'h_encoder\.token_embed\.(\d+)\.(.+)', r'stages.\1.patch_embed.\2'),
    (r'h_encoder\.encoder_pos_embeds\.(\d+)\.(.+)', r'stages.\1.pos_mlp.\2'),
    (r'h_encoder\.encoder_blocks\.(\d+)\.(blocks\..+)', r'stages.\1.\2'),
    (r'h_encoder\.encoder_norms\.(\d+)\.(.+)', r'stages.\1.norm.\2'),
]
_DROPS = [
    (r'(h_decoder|decoder_\w+|token_prop|rec_head|mask_token|img_\w+)(\..+)?', 'decoder of pre-training'),
    (r'cls_head\w*\..+', HEAD),
]


def detect(source: Source) -> int:
    return 40 if source.has('h_encoder.token_embed.') else 0


def read(source: Source) -> Reading:
    tuned = any(name.startswith('cls_head') for name in source.state)
    facts = {'method': 'point-m2ae', 'initial_stage': 'unknown' if tuned else 'mim'}
    return rename(FAMILY, 'point-pyramid', source.state, _RULES, _DROPS, facts=facts)

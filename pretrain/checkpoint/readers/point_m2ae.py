"""Point-M2AE (ZrrSkywalker/Point-M2AE) and I2P-MAE: a hierarchy under `h_encoder.`.

A file of pre-training or part segmentation has a norm for each level; one fine-tuned for classification has the norm of
the coarsest level alone, as `norm.` beside the encoder. Published files are for 512, 256 and 64 groups of 16, 8 and 8.
Facts: models/Point_M2AE.py, models/Point_M2AE_Finetune.py, segmentation/Point_M2AE_SEG.py; what I2P-MAE adds
(`img_*`) is from memory and unverified.
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
    (r'(cls_head\w*|propagations|label_conv|convs\d|bns\d)\..+', HEAD),
]


def detect(source: Source) -> int:
    return 40 if source.has('h_encoder.token_embed.') else 0


def read(source: Source) -> Reading:
    tuned = source.has('cls_head_finetune.') or source.has('label_conv.')
    facts = {'method': 'point-m2ae', 'initial_stage': 'unknown' if tuned else 'mim'}
    levels = len({name.split('.')[2] for name in source.state if name.startswith('h_encoder.encoder_blocks.')})
    rules = [*_RULES, (r'norm\.(.+)', rf'stages.{levels - 1}.norm.\1')]
    return rename(FAMILY, 'point-pyramid', source.state, rules, _DROPS, facts=facts)

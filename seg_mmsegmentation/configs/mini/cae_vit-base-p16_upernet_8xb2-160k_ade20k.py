"""UPerNet on a CAE checkpoint in mini size: 64 pixels, fixed positions and new relative tables, 200 updates.

Command: mimbench transfer seg_mmsegmentation/configs/mini/cae_vit-base-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(method='CAE')
model = dict(
    backbone=dict(
        arch_args=dict(use_abs_pos_emb=True, use_rel_pos_bias=False),
        position='sincos-yx',
        tables='zero',
    ),
)

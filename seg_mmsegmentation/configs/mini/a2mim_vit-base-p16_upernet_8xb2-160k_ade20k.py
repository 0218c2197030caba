"""UPerNet on an A2MIM ViT checkpoint in mini size: 64 pixels, learned and relative positions, 200 updates.

Command: mimbench transfer seg_mmsegmentation/configs/mini/a2mim_vit-base-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(method='A2MIM')
model = dict(
    backbone=dict(arch_args=dict(use_abs_pos_emb=True, use_rel_pos_bias=True), position='learned', tables='own'),
)

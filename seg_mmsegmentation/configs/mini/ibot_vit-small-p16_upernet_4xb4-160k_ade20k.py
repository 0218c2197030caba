"""The mini twin of iBOT ViT-S: that of ViT-B, half as wide.

Command: mimbench transfer seg_mmsegmentation/configs/mini/ibot_vit-small-p16_upernet_4xb4-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './ibot_vit-base-p16_upernet_8xb2-160k_ade20k.py'
model = dict(backbone=dict(arch_args=dict(embed_dim=64, num_heads=2)))

"""The mini twin of BEiT v2 ViT-L: that of BEiT, LayerScale from 1e-5.

Command: mimbench transfer seg_mmsegmentation/configs/mini/beitv2_vit-large-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'
model = dict(backbone=dict(arch_args=dict(init_values=1e-5)))

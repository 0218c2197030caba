"""The mini twin of CAE ViT-L: that of ViT-B, LayerScale from 1e-5.

Command: mimbench transfer seg_mmsegmentation/configs/mini/cae_vit-large-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './cae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
model = dict(backbone=dict(arch_args=dict(init_values=1e-5)))

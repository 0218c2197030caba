"""The mini twin of BEiT ViT-L after ImageNet-22k: that of BEiT, LayerScale from 1e-5.

Command: mimbench transfer seg_mmsegmentation/configs/mini/beit-ft22k_vit-large-p16_upernet_8xb1-160k_ade20k-640.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'
model = dict(backbone=dict(arch_args=dict(init_values=1e-5)))

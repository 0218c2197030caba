"""The mini twin of BEiT ViT-B after ImageNet-22k: that of BEiT.

Command: mimbench transfer seg_mmsegmentation/configs/mini/beit-ft22k_vit-base-p16_upernet_8xb2-160k_ade20k-640.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'

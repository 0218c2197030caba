"""The mini twin of BEiT v2 ViT-B: that of BEiT.

Command: mimbench transfer seg_mmsegmentation/configs/mini/beitv2_vit-base-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'

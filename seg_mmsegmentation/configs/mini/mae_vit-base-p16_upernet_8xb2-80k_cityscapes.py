"""The mini twin of the Cityscapes config: that of ADE20K, on a plain folder of images and masks.

Command: mimbench transfer seg_mmsegmentation/configs/mini/mae_vit-base-p16_upernet_8xb2-80k_cityscapes.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'

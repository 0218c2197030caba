"""The mini twin of the COCO-Stuff config: that of ADE20K, on a plain folder of images and masks.

Command: mimbench transfer seg_mmsegmentation/configs/mini/mae_vit-base-p16_upernet_8xb2-80k_cocostuff164k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'

"""ViTDet in mini size: 64 pixels, windows of 8 tokens, two global blocks, for any checkpoint of a plain ViT.

Command: mimbench transfer det_mmdetection/configs/mini/mae_vit-base-p16_vitdet-mask_64xb1-100e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_vitdet_mask.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='MAE')

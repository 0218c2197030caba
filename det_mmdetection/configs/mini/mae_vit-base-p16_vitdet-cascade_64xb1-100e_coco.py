"""ViTDet with a cascade in mini size: 64 pixels, for any checkpoint of its kind; the control is a tiny ViT.

Command: mimbench transfer det_mmdetection/configs/mini/mae_vit-base-p16_vitdet-cascade_64xb1-100e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_vitdet_cascade.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='MAE')

"""Mask R-CNN with FPN in mini size: 64 pixels, for any checkpoint of its kind; the control is ConvNeXt-Atto.

Command: mimbench transfer det_mmdetection/configs/mini/a2mim_convnext-small_mask-fpn_8xb2-36e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_mask_fpn.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='A2MIM')
model = dict(backbone=dict(arch='convnext_atto', out_norm='new'))

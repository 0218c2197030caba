"""Mask R-CNN with FPN in mini size: 64 pixels, for any checkpoint of its kind; the control is ResNet-18.

Command: mimbench transfer det_mmdetection/configs/mini/a2mim_resnet50_mask-fpn_8xb2-12e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_mask_fpn.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='A2MIM')
model = dict(backbone=dict(arch='resnet18'), neck=dict(norm_cfg=dict(type='BN')))
optim_wrapper = dict(paramwise_cfg=dict(layer_decay=None))

"""Cascade Mask R-CNN (iBOT) in mini size: 64 pixels, for any checkpoint of its kind; the control is a tiny ViT.

Command: mimbench transfer det_mmdetection/configs/mini/ibot_vit-small-p16_cascade-giou_8xb4-12e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_giou_cascade.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='iBOT')
model = dict(
    backbone=dict(
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=8, embed_dim=128, depth=6, num_heads=4),
    )
)

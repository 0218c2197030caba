"""Mask R-CNN with FPN in mini size: 64 pixels, for any checkpoint of its kind; the control is a tiny Swin.

Command: mimbench transfer det_mmdetection/configs/mini/simmim_swin-base-w7_mask-fpn_8xb2-36e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_mask_fpn.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='SimMIM')
model = dict(
    backbone=dict(
        arch='swin_tiny_patch4_window7_224',
        arch_args=dict(embed_dim=32, depths=[1, 1, 2, 1], num_heads=[1, 2, 4, 8], window_size=4),
        out_norm='new',
    )
)

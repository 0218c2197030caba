"""Mask R-CNN with CAE's heads in mini size: 64 pixels, for any checkpoint of its kind; the control is a tiny BEiT.

Command: mimbench transfer det_mmdetection/configs/mini/simmim_vit-base-p16_mask-giou_16xb2-12e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_giou_mask.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='SimMIM')
model = dict(
    backbone=dict(
        arch='beit_base_patch16_224',
        arch_args=dict(patch_size=8, embed_dim=128, depth=6, num_heads=4, use_abs_pos_emb=False),
    )
)

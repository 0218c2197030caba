"""Mask R-CNN on a frozen encoder in mini size: 64 pixels, any plain ViT of up to 12 blocks; the control is a tiny ViT.

Command: mimbench transfer det_mmdetection/configs/mini/mae_vit-base-p16_mask-giou-frozen_16xb2-12e_coco.py
    --checkpoint FILE --data FOLDER --work-dir DIR
"""

_base_ = ['../_base_/mini_giou_mask.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='MAE')
protocol = dict(id='detection-mini-frozen-64px-12e')
model = dict(
    backbone=dict(
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=8, embed_dim=128, depth=6, num_heads=4),
        position='sincos-xy',
        drop_path_rate=0.0,
        frozen=14,
        out_norm='own',
    )
)
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d']))

"""Mask R-CNN on SimMIM Swin-B, COCO 3x multi-scale, window 7, a new LayerNorm on every level.

Command: tools/dist_train.sh transfer det_mmdetection/configs/simmim_swin-base-w7_mask-fpn_8xb2-36e_coco.py 8
    --checkpoint FILE --data COCO
Hardware: 8 GPUs of 32 GB.
Published: box AP 50.4, mask AP 44.4 (SimMIM 800 epochs, run by GreenMIM's authors, FastConvMAE README). Their drop path
was not at hand: 0.3 is that of Swin's Cascade Swin-B.
"""

_base_ = ['_base_/mask_rcnn.py', '_base_/multiscale.py', '_base_/adamw_36e.py']
recipe = dict(
    method='SimMIM',
    epochs=36,
    published=dict(bbox_AP=0.504, segm_AP=0.444),
    source='FastConvMAE README, run of GreenMIM',
)
protocol = dict(id='coco-mask-fpn-36e-swin', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(
    backbone=dict(
        image_size=224,
        arch='swin_base_patch4_window7_224',
        timm_args=dict(window_size=7),
        out_norm='new',
        drop_path_rate=0.3,
    )
)
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['*norm*', '*.relative_position_bias_table']))

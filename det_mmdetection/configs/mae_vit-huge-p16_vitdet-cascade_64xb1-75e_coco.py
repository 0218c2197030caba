"""ViTDet: Cascade Mask R-CNN on MAE ViT-H/16, COCO, 75 epochs of large-scale jitter at 1024, batch 64.

Command: tools/dist_train.sh transfer det_mmdetection/configs/mae_vit-huge-p16_vitdet-cascade_64xb1-75e_coco.py 64
    --checkpoint mae_pretrain_vit_huge.pth --data COCO
Hardware: 64 GPUs of 40 GB (31.5 GB at one image each with Mask R-CNN); fewer GPUs accumulate.
Published: box AP 58.7, mask AP 51.0 (detectron2 projects/ViTDet).
Patches of 14 become patches of 16 by zeros around the kernel, as in detectron2's mae_pretrain_vit_huge_p14to16.pth.
Nothing is exempt from weight decay (`overrides = {}` and `weight_decay_norm = None` in the source).
"""

_base_ = ['_base_/vitdet_cascade.py', '_base_/lsj_1024.py', '_base_/vitdet_100e.py']
recipe = dict(
    method='MAE', epochs=75, published=dict(bbox_AP=0.587, segm_AP=0.510), source='detectron2 projects/ViTDet'
)
protocol = dict(id='coco-vitdet-cascade-75e', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(
    backbone=dict(
        arch='vit_huge_patch14_224', position='sincos-xy', global_blocks=[7, 15, 23, 31], drop_path_rate=0.5, patch=16
    )
)
train_dataloader = dict(batch_size=1)
train_cfg = dict(iterations=138281)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=[], layer_decay=0.9))
param_scheduler = dict(milestones=[122916, 133159])

"""Cascade Mask R-CNN on iBOT ViT-S/16, COCO 1x multi-scale, full attention, batch 32.

Command: tools/dist_train.sh transfer det_mmdetection/configs/ibot_vit-small-p16_cascade-giou_8xb4-12e_coco.py 8
    --checkpoint FILE --data COCO
Hardware: 8 GPUs of 32 GB.
Published: box AP 49.4, mask AP 42.6 (bytedance/ibot README).
Layer decay 0.8 (README); drop path is that of ViT-B, which the reference notes for both.
"""

_base_ = ['_base_/giou_cascade.py', '_base_/multiscale.py', '_base_/adamw_12e.py']
recipe = dict(method='iBOT', epochs=12, published=dict(bbox_AP=0.494, segm_AP=0.426), source='bytedance/ibot README')
protocol = dict(
    id='coco-cascade-giou-12e-ibot-small', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim'
)
model = dict(backbone=dict(arch='vit_small_patch16_224', drop_path_rate=0.2))
train_dataloader = dict(batch_size=4)
train_cfg = dict(effective_batch=32)
optim_wrapper = dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(layer_decay=0.8))
param_scheduler = dict(type='WarmupSteps', warmup_updates=500, start=0.001, milestones=[8, 11])

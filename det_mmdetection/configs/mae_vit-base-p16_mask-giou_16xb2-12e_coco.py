"""Mask R-CNN on MAE ViT-B/16 as CAE's authors ran it: COCO 1x multi-scale, full attention, batch 32.

Command: tools/dist_train.sh transfer det_mmdetection/configs/mae_vit-base-p16_mask-giou_16xb2-12e_coco.py 16
    --checkpoint FILE --data COCO
Hardware: 16 GPUs of 32 GB; fewer accumulate.
Published: box AP 48.4, mask AP 42.6 (lxtGH/CAE README).
The learning rate is that of CAE, which the README names for both.
"""

_base_ = ['_base_/giou_mask.py', '_base_/multiscale.py', '_base_/adamw_12e.py']
recipe = dict(method='MAE', epochs=12, published=dict(bbox_AP=0.484, segm_AP=0.426), source='lxtGH/CAE README')
protocol = dict(id='coco-mask-giou-12e-cae', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='vit_base_patch16_224', position='sincos-xy', drop_path_rate=0.2))
train_dataloader = dict(batch_size=2)
train_cfg = dict(effective_batch=32)
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(lr_mult={'*.pos_embed': 0.0}))
param_scheduler = dict(type='WarmupSteps', warmup_updates=500, start=0.001, milestones=[9, 11])

"""Mask R-CNN on CAE ViT-B/16, COCO 1x multi-scale, full attention, batch 32.

Command: tools/dist_train.sh transfer det_mmdetection/configs/cae_vit-base-p16_mask-giou_16xb2-12e_coco.py 16
    --checkpoint FILE --data COCO
Hardware: 16 GPUs of 32 GB; fewer accumulate.
Published: box AP 49.9, mask AP 43.9 (800 epochs of CAE), 50.3 and 44.2 (1600), 48.3 and 42.7 (300) (lxtGH/CAE README).
Positions are fixed: they have learning rate 0 here.
"""

_base_ = ['_base_/giou_mask.py', '_base_/multiscale.py', '_base_/adamw_12e.py']
recipe = dict(
    method='CAE', epochs=12, published=dict(bbox_AP=0.499, segm_AP=0.439), source='lxtGH/CAE README, 800 epochs'
)
protocol = dict(id='coco-mask-giou-12e-cae', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='vit_base_patch16_224', position='sincos-yx', drop_path_rate=0.2))
train_dataloader = dict(batch_size=2)
train_cfg = dict(effective_batch=32)
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(lr_mult={'*.pos_embed': 0.0}))
param_scheduler = dict(type='WarmupSteps', warmup_updates=500, start=0.001, milestones=[9, 11])

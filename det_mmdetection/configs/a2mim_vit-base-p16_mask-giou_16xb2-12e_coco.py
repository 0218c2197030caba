"""Mask R-CNN on A2MIM ViT-B/16 under CAE's recipe: COCO 1x multi-scale, full attention, batch 32.

Command: tools/dist_train.sh transfer det_mmdetection/configs/a2mim_vit-base-p16_mask-giou_16xb2-12e_coco.py 16
    --checkpoint FILE --data COCO
Hardware: 16 GPUs of 32 GB; fewer accumulate.
Published: nothing comparable: A2MIM's 49.4 and 43.5 belong to a released config that cannot run as it is.
"""

_base_ = ['_base_/giou_mask.py', '_base_/multiscale.py', '_base_/adamw_12e.py']
recipe = dict(method='A2MIM', epochs=12, source='recipe of lxtGH/CAE')
protocol = dict(id='coco-mask-giou-12e-cae', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='beit_base_patch16_224', drop_path_rate=0.2))
train_dataloader = dict(batch_size=2)
train_cfg = dict(effective_batch=32)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = dict(type='WarmupSteps', warmup_updates=500, start=0.001, milestones=[9, 11])

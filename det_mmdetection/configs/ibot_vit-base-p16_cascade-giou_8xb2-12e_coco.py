"""Cascade Mask R-CNN on iBOT ViT-B/16, COCO 1x multi-scale, full attention.

Command: tools/dist_train.sh transfer det_mmdetection/configs/ibot_vit-base-p16_cascade-giou_8xb2-12e_coco.py 8
    --checkpoint FILE --data COCO
Hardware: 8 GPUs of 32 GB; attention over the whole image is what fills them.
Published: box AP 51.2, mask AP 44.2 with block-wise masking (bytedance/ibot README).
The README's values: 12 epochs, steps at 8 and 11, layer decay 0.75; the config file of that name has 36 and 0.65.
"""

_base_ = ['_base_/giou_cascade.py', '_base_/multiscale.py', '_base_/adamw_12e.py']
recipe = dict(method='iBOT', epochs=12, published=dict(bbox_AP=0.512, segm_AP=0.442), source='bytedance/ibot README')
protocol = dict(id='coco-cascade-giou-12e-ibot', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='vit_base_patch16_224', drop_path_rate=0.2))
train_dataloader = dict(batch_size=2)
train_cfg = dict(effective_batch=16)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = dict(type='WarmupSteps', warmup_updates=500, start=0.001, milestones=[8, 11])

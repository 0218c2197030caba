"""Mask R-CNN with FPN on A2MIM ResNet-50, COCO 1x, batch norm over all GPUs in backbone and FPN.

Command: tools/dist_train.sh transfer det_mmdetection/configs/a2mim_resnet50_mask-fpn_8xb2-12e_coco.py 8
    --checkpoint FILE --data COCO
Hardware: 8 GPUs of 16 GB.
Published: nothing comparable; A2MIM gives the 2x schedule.
Source: facebookresearch/moco detection/configs over detectron2's Base-RCNN-FPN, which A2MIM follows: 90,000 updates.
"""

_base_ = ['_base_/mask_rcnn.py', '_base_/multiscale_640.py']
recipe = dict(method='A2MIM', epochs=12, source='recipe of facebookresearch/moco')
protocol = dict(id='coco-mask-fpn-12e-moco', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(image_size=224, arch='resnet50'), neck=dict(norm_cfg=dict(type='BN')))
train_dataloader = dict(batch_size=2)
train_cfg = dict(type='TrainLoop', effective_batch=16, iterations=90000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(no_decay=['backbone.*bn?.*', 'backbone.*.downsample.1.*', 'neck.*.bn.*']),
)
param_scheduler = dict(type='WarmupSteps', warmup=1000, start=0.001, milestones=[60000, 80000], by_epoch=False)
sync_bn = 'torch'
default_hooks = dict(save=dict(interval=5000, by_epoch=False), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=30000, by_epoch=False)]

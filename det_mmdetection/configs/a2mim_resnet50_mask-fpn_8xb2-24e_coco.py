"""Mask R-CNN with FPN on A2MIM ResNet-50, COCO 2x, batch norm over all GPUs in backbone and FPN.

Command: tools/dist_train.sh transfer det_mmdetection/configs/a2mim_resnet50_mask-fpn_8xb2-24e_coco.py 8
    --checkpoint FILE --data COCO
Hardware: 8 GPUs of 16 GB.
Published: box AP 39.8, mask AP 34.9 (A2MIM, results listing; it says C4/FPN for this row).
Source: facebookresearch/moco detection/configs over detectron2's Base-RCNN-FPN, which A2MIM follows: 180,000 updates.
"""

_base_ = ['_base_/mask_rcnn.py', '_base_/multiscale_640.py']
recipe = dict(method='A2MIM', epochs=24, published=dict(bbox_AP=0.398, segm_AP=0.349), source='A2MIM, results listing')
protocol = dict(id='coco-mask-fpn-24e-moco', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(image_size=224, arch='resnet50'), neck=dict(norm_cfg=dict(type='BN')))
train_dataloader = dict(batch_size=2)
train_cfg = dict(type='TrainLoop', effective_batch=16, iterations=180000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(no_decay=['backbone.*bn?.*', 'backbone.*.downsample.1.*', 'neck.*.bn.*']),
)
param_scheduler = dict(type='WarmupSteps', warmup=1000, start=0.001, milestones=[120000, 160000], by_epoch=False)
sync_bn = 'torch'
default_hooks = dict(save=dict(interval=5000, by_epoch=False), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=30000, by_epoch=False)]

"""ViTDet's schedule: AdamW 1e-4, 184,375 updates of 64 images (100 epochs), steps at 163,889 and 177,546.

Of weight decay the norms of the blocks and the absolute positions are exempt; biases, relative positions and the norms
of pyramid and heads decay.
Source: detectron2 `projects/ViTDet/configs/COCO/mask_rcnn_vitdet_b_100ep.py`.
"""

train_cfg = dict(type='TrainLoop', effective_batch=64, iterations=184375)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.1),
    paramwise_cfg=dict(no_decay=['backbone.*.blocks.*.norm?.*', '*.pos_embed'], layer_decay=0.7),
)
param_scheduler = dict(
    type='WarmupSteps', warmup=250, start=0.001, milestones=[163889, 177546], factor=0.1, by_epoch=False
)
default_hooks = dict(save=dict(interval=5000, by_epoch=False), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=20000, by_epoch=False)]

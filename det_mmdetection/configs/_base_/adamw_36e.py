"""36 epochs of AdamW 1e-4, batch 16, steps at 27 and 33, as Swin and ConvNeXt train on COCO.

Source: microsoft Swin-Transformer-Object-Detection and MMDetection 3 `swin/`, `convnext/`: warm-up of 1000 updates.
"""

train_cfg = dict(type='TrainLoop', effective_batch=16, epochs=36)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05),
)
param_scheduler = dict(type='WarmupSteps', warmup_updates=1000, start=0.001, milestones=[27, 33], factor=0.1)
default_hooks = dict(save=dict(interval=1), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=4)]

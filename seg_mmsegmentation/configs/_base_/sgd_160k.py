"""MMSegmentation's own schedule: SGD 0.01, 160,000 updates of 16 images, poly of power 0.9 to 1e-4; all decays.

Source: MMSegmentation `configs/_base_/schedules/schedule_160k.py`.
"""

train_cfg = dict(type='TrainLoop', effective_batch=16, iterations=160000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(no_decay=[]),
)
param_scheduler = dict(type='WarmupPoly', power=0.9, end=1e-2, by_epoch=False)
default_hooks = dict(save=dict(interval=4000, by_epoch=False), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=16000, by_epoch=False)]

"""A schedule of minutes on a CPU: batch 8, 200 updates, AdamW 1e-3, layer decay 0.75, linear to 0 after 20 updates."""

train_cfg = dict(type='TrainLoop', effective_batch=8, iterations=200)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=5.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d'], layer_decay=0.75),
)
param_scheduler = dict(type='WarmupPoly', warmup=20, start=1e-6, by_epoch=False, rebase=False)
default_hooks = dict(save=dict(interval=100, by_epoch=False), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=100, by_epoch=False)]

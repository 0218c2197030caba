"""A short schedule for a CPU: AdamW 5e-4, batch 8, 12 epochs with a cosine, layer decay 0.75."""

protocol = dict(id='detection-mini-64px-12e', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
recipe = dict(epochs=12)
train_cfg = dict(type='TrainLoop', effective_batch=8, epochs=12)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=5.0),
    optimizer=dict(type='AdamW', lr=5e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens'], layer_decay=0.75),
)
param_scheduler = dict(type='WarmupCosine', warmup=0.5, end=0.01)
default_hooks = dict(save=dict(interval=4), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=4)]

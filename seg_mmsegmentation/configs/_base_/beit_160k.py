"""The schedule of BEiT's segmentation code: AdamW, layer decay, 160,000 updates of 16 images, linear to 0.

Weight decay as published: 1-D tensors are exempt; absolute positions, class token and relative tables decay, because
the constructor compares names that begin with `backbone.` with names that do not. To exempt positions and class token
as the authors meant: `--cfg-options "optim_wrapper.paramwise_cfg.no_decay=['1d','tokens']"`; the result says which.
Source: microsoft/unilm `beit/semantic_segmentation` (configs, mmcv_custom/layer_decay_optimizer_constructor.py).
"""

train_cfg = dict(type='TrainLoop', effective_batch=16, iterations=160000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d'], layer_decay=0.65),
)
param_scheduler = dict(type='WarmupPoly', warmup=1500, start=1e-6, by_epoch=False, rebase=False)
default_hooks = dict(save=dict(interval=4000, by_epoch=False), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=16000, by_epoch=False)]

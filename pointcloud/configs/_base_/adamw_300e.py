"""AdamW 1e-3, weight decay 0.05, 300 epochs of batch 128, 10 of them warm-up from 1e-6, cosine to 1e-6.

Source: Point-MAE cfgs/pretrain.yaml. Neither one-dimensional tensors nor mask and class tokens decay. The cosine runs
over all epochs and the warm-up replaces its beginning (timm's scheduler).
"""

train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=300)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', '*.mask_token']),
)
param_scheduler = dict(type='WarmupCosine', warmup=10, start=1e-3, end=1e-3, rebase=False)
default_hooks = dict(save=dict(interval=25), pictures=dict(interval=25))

"""MAE's optimisation: lr 1.5e-4 x batch / 256, betas (0.9, 0.95), 40 epochs warm-up from 0, cosine to 0, no clipping.

Source: facebookresearch/mae main_pretrain.py, PRETRAIN.md. Weight decay spares one-dimensional tensors only.
"""

train_cfg = dict(type='TrainLoop', effective_batch=4096, epochs=800)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=dict(base=1.5e-4, per=256), betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=40)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=20))

"""SimMIM's optimisation: all learning rates x batch / 512, betas (0.9, 0.999), clipping at 5.

Source: microsoft/SimMIM configs and main_simmim.py. Neither mask token, cls token nor one-dimensional tensors decay.
"""

train_cfg = dict(type='TrainLoop', effective_batch=2048)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=5.0),
    optimizer=dict(type='AdamW', lr=dict(base=1e-4, per=512), betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', '*.mask_token']),
)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=20))

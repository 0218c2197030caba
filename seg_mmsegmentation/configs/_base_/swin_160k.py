"""Swin's schedule: AdamW 6e-5, decay 0.01, no layer decay, 160,000 updates of 16 images, linear to 0.

Names with `norm` and relative tables do not decay; biases do.
Source: MMSegmentation `configs/swin/`, after SwinTransformer/Swin-Transformer-Semantic-Segmentation.
"""

train_cfg = dict(type='TrainLoop', effective_batch=16, iterations=160000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(no_decay=['*norm*', '*relative_position_bias_table']),
)
param_scheduler = dict(type='WarmupPoly', warmup=1500, start=1e-6, by_epoch=False, rebase=False)
default_hooks = dict(save=dict(interval=4000, by_epoch=False), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=16000, by_epoch=False)]

"""12 epochs of AdamW with layer decay 0.75 and batch norm over all GPUs, as iBOT and CAE train plain ViTs on COCO.

Weight decay spares biases and norms but not positions and class token, whose names the published rule misses behind
the prefix `backbone.`; to spare them too: --cfg-options "optim_wrapper.paramwise_cfg.no_decay=['1d','tokens']".
Source: bytedance/ibot and lxtGH/CAE, layer_decay_optimizer_constructor.py and configs; warm-up of mmdet's schedule_1x.
"""

train_cfg = dict(type='TrainLoop', epochs=12)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d'], layer_decay=0.75),
)
sync_bn = 'torch'
default_hooks = dict(save=dict(interval=1), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=4)]

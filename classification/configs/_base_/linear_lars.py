"""MAE's linear probe: class token, batch norm without parameters, LARS at 0.1 x batch / 256, no decay, crops and flips.

Source: facebookresearch/mae main_linprobe.py, FINETUNE.md.
"""

_base_ = './imagenet.py'
task = dict(type='Classify')
model = dict(type='LinearProbe', image_size=224, pool='cls')
train_dataloader = dict(
    batch_size=512,
    dataset=dict(transform=dict(type='PretrainAugment', size=224, scale=(0.08, 1.0), interpolation='bicubic')),
)
train_cfg = dict(type='TrainLoop', effective_batch=16384, epochs=90)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='LARS', lr=dict(base=0.1, per=256), weight_decay=0.0),
)
param_scheduler = dict(type='WarmupCosine', warmup=10)
default_hooks = dict(save=dict(interval=5), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=10)]

"""MAE's linear probe in mini size: 32 pixels, LARS, batch 512, 30 epochs, for any checkpoint.

LARS turns weights by about lr / 100 an update whatever the gradient; MAE's 6.4 over 7,000 updates becomes 2 over 600.

Command: mimbench transfer classification/configs/mini/mae_vit-base-p16_linear_8xb512-90e_in1k.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_frozen.py'
recipe = dict(method='MAE', epochs=30)
task = dict(type='Classify')
protocol = dict(id='classification-mini-linear-32px', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(type='LinearProbe')
train_dataloader = dict(
    dataset=dict(
        transform=dict(_delete_=True, type='PretrainAugment', size=32, scale=(0.35, 1.0), interpolation='bicubic')
    )
)
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=30)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='LARS', lr=2.0, weight_decay=0.0),
)
param_scheduler = dict(type='WarmupCosine', warmup=3)
default_hooks = dict(save=dict(interval=10), pictures=None)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])

"""Fine-tuning as in Point-MAE: AdamW 5e-4, weight decay 0.05, batch 32, 300 epochs, 10 of warm-up, clipping at 10.

Source: Point-MAE cfgs/finetune_modelnet.yaml. One tenth of the training clouds is held out, and the epoch that scores
best on it is evaluated once; the published figures train on all and take the best epoch on the test set.
"""

custom_imports = dict(imports=['pointcloud'])
task = dict(type='PointClassify')
model = dict(
    type='PointClassifier',
    num_points=1024,
    encoder=dict(arch='point_small', drop_path_rate=0.1),
)
train_cfg = dict(type='TrainLoop', effective_batch=32, epochs=300)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=10.0),
    optimizer=dict(type='AdamW', lr=5e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', '*.cls_token']),
)
param_scheduler = dict(type='WarmupCosine', warmup=10, start=2e-3, end=2e-3, rebase=False)
default_hooks = dict(save=dict(interval=10), pictures=None)
custom_hooks = [dict(type='SelectHook', score='top1', interval=5)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

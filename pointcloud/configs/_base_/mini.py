"""Small clouds for a CPU: 512 points of the procedural set that `mimbench demo` writes, or of any --data."""

custom_imports = dict(imports=['pointcloud'])
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(
        type='PointDataset',
        least=16,
        source=dict(type='PointFolder', root='runs/demo/points/unlabelled'),
        transform=dict(
            type='PointTransform',
            num_points=512,
            sample='random',
            few='repeat',
            normalise='after',
            scale=(2 / 3, 3 / 2),
            translate=0.2,
        ),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=32, epochs=20)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=10.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', '*.mask_token']),
)
param_scheduler = dict(type='WarmupCosine', warmup=1, end=1e-3)
default_hooks = dict(save=dict(interval=10), pictures=dict(interval=10))
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

"""Fine-tuning on small clouds on a CPU: 512 points, 32 groups of 16, width 96, batch 32, 20 epochs."""

custom_imports = dict(imports=['pointcloud'])
task = dict(type='PointClassify')
protocol = dict(id='points-mini-finetune', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(
    type='PointClassifier',
    num_points=512,
    encoder=dict(
        arch='point_tiny',
        arch_args=dict(num_groups=32, group_size=16, group_inner=(32, 64, 128), embed_dim=96, depth=4, num_heads=4),
    ),
)
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(
        type='PointDataset',
        labels=True,
        least=16,
        source=dict(type='PointFolder', root='runs/demo/points/train'),
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
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(
        type='PointDataset',
        labels=True,
        least=16,
        source=dict(type='PointFolder', root='runs/demo/points/val'),
        transform=dict(type='PointTransform', num_points=512, sample='random', few='repeat', normalise='after'),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=32, epochs=20)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=10.0),
    optimizer=dict(type='AdamW', lr=5e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', '*.cls_token', '*.cls_pos']),
)
param_scheduler = dict(type='WarmupCosine', warmup=2, end=1e-3)
default_hooks = dict(save=dict(interval=10), pictures=None)
custom_hooks = []
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

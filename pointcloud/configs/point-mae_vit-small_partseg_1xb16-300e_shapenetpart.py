"""Part segmentation of ShapeNetPart with Point-MAE: 2048 points in 128 groups, 16 categories, 50 parts.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_partseg_1xb16-300e_shapenetpart.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE segmentation/main.py, provider.py, dataset.py and models/pt.py.
Published: instance mIoU 86.1 (Point-MAE README), best epoch on the test set there, on held-out clouds here. No votes.
"""

custom_imports = dict(imports=['pointcloud'])
task = dict(type='PartSegmentation')
recipe = dict(
    method='Point-MAE',
    epochs=300,
    data='ShapeNetPart',
    published=dict(instance_miou=0.861),
    source='Point-MAE README',
)
protocol = dict(id='shapenetpart-heldout', version=1, metric='instance_miou', higher_is_better=True, init_stage='mim')
model = dict(
    type='PartSegmenter',
    num_points=2048,
    encoder=dict(arch='point_small', num_groups=128, group_size=32, drop_path_rate=0.1),
)
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(
            type='HeldOut',
            share=0.1,
            source=dict(
                type='ShapeNetPart',
                root='data/shapenetcore_partanno_segmentation_benchmark_v0_normal',
                part='trainval',
            ),
        ),
        transform=dict(
            type='PointTransform',
            num_points=2048,
            sample='replace',
            normalise='before',
            scale=(0.8, 1.25),
            isotropic=True,
            translate=0.1,
        ),
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=8,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(
            type='ShapeNetPart', root='data/shapenetcore_partanno_segmentation_benchmark_v0_normal', part='test'
        ),
        transform=dict(type='PointTransform', num_points=2048, sample='replace', normalise='before'),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=16, epochs=300)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=10.0),
    optimizer=dict(type='AdamW', lr=2e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=10, start=5e-3, end=5e-3, rebase=False)
default_hooks = dict(save=dict(interval=10), pictures=None)
custom_hooks = [dict(type='SelectHook', score='instance_miou', interval=5)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

"""ModelNet40, normal-resampled text files: in the unit sphere; training draws 1024 of the 1200 farthest points.

Source: Point-MAE datasets/ModelNetDataset.py, tools/runner_finetune.py. Evaluation takes the 1024 farthest points.
"""

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(
            type='HeldOut',
            share=0.1,
            source=dict(type='ModelNet', root='data/ModelNet/modelnet40_normal_resampled', part='train'),
        ),
        transform=dict(
            type='PointTransform',
            num_points=1024,
            sample='pool',
            pool=1200,
            normalise='before',
            scale=(2 / 3, 3 / 2),
            translate=0.2,
        ),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(type='ModelNet', root='data/ModelNet/modelnet40_normal_resampled', part='test'),
        transform=dict(type='PointTransform', num_points=1024, sample='farthest', normalise='before'),
    ),
)

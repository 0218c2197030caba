"""ShapeNet-55, training part: 1024 random points of each cloud, then in the unit sphere, scaled and shifted per axis.

Source: Point-MAE datasets/ShapeNet55Dataset.py and datasets/data_transforms.py.
"""

custom_imports = dict(imports=['pointcloud'])
train_dataloader = dict(
    num_workers=8,
    dataset=dict(
        type='PointDataset',
        source=dict(type='PointList', file='data/ShapeNet55-34/ShapeNet-55/train.txt'),
        transform=dict(
            type='PointTransform',
            num_points=1024,
            sample='random',
            normalise='after',
            scale=(2 / 3, 3 / 2),
            translate=0.2,
        ),
    ),
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

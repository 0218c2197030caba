"""ScanObjectNN: all 2048 stored points in 128 groups, not normalised again; scaled and shifted in training.

Source: Point-MAE cfgs/finetune_scan_*.yaml, datasets/ScanObjectNNDataset.py.
"""

_base_ = 'finetune_300e.py'
model = dict(num_points=2048, encoder=dict(num_groups=128, group_size=32))
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(
            type='HeldOut',
            share=0.1,
            source=dict(type='H5Source', files='data/ScanObjectNN/main_split/training_objectdataset.h5'),
        ),
        transform=dict(
            type='PointTransform', num_points=2048, sample='all', shuffle=True, scale=(2 / 3, 3 / 2), translate=0.2
        ),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(type='H5Source', files='data/ScanObjectNN/main_split/test_objectdataset.h5'),
        transform=dict(type='PointTransform', num_points=2048, sample='all'),
    ),
)

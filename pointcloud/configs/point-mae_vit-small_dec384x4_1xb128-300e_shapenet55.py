"""Point-MAE, ShapeNet-55, 300 epochs, batch 128: 64 groups of 32 from 1024 points, 38 of them hidden.

Command: mimbench pretrain pointcloud/configs/point-mae_vit-small_dec384x4_1xb128-300e_shapenet55.py --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE cfgs/pretrain.yaml, models/Point_MAE.py (commit 7445a68).
Published: fine-tuned ModelNet40 93.2 without votes (Point-M2AE's README), ScanObjectNN PB-T50-RS 85.18.
"""

_base_ = ['_base_/shapenet55_1k.py', '_base_/adamw_300e.py']
recipe = dict(method='Point-MAE', epochs=300, data='ShapeNet-55')
model = dict(
    type='MaskedPoints',
    num_points=1024,
    masking=dict(type='RandomMasking', ratio=0.6, rounding='floor(hidden)'),
    encoder=dict(type='PointEncoder', arch='point_small', masked='drop', drop_path_rate=0.1),
    head=dict(type='PointDecoder', depth=4, heads=6, drop_path_rate=0.1),
    target=dict(type='GroupPoints'),
    loss=dict(type='ChamferLoss', norm='l2', on='masked'),
)
train_dataloader = dict(batch_size=128)

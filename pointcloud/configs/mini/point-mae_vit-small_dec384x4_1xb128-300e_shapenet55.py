"""Point-MAE in mini size: 32 groups of 16 from 512 points, width 96, depth 4, decoder depth 2, batch 32.

Command: mimbench pretrain pointcloud/configs/mini/point-mae_vit-small_dec384x4_1xb128-300e_shapenet55.py --data FOLDER
"""

_base_ = '../_base_/mini.py'
recipe = dict(method='Point-MAE', epochs=20)
model = dict(
    type='MaskedPoints',
    num_points=512,
    masking=dict(type='RandomMasking', ratio=0.6, rounding='floor(hidden)'),
    encoder=dict(
        type='PointEncoder',
        arch='point_tiny',
        masked='drop',
        num_groups=32,
        group_size=16,
        group_inner=(32, 64, 128),
        embed_dim=96,
        depth=4,
        num_heads=4,
    ),
    head=dict(type='PointDecoder', depth=2, heads=4),
    target=dict(type='GroupPoints'),
    loss=dict(type='ChamferLoss', norm='l2', on='masked'),
)

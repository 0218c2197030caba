"""Point-MAE on aerial LiDAR objects on a CPU: 512 points, 32 groups of 16, 19 hidden, width 128, depth 6, 100 epochs.

Command: mimbench pretrain pointcloud/configs/mini/point-mae_vit-tiny_dec128x2_1xb32-100e_dales.py
    --data data/dales_objects/train.h5 --work-dir DIR
"""

_base_ = '../_base_/mini.py'
recipe = dict(method='Point-MAE', epochs=100, data='DALES objects, training part')
model = dict(
    type='MaskedPoints',
    num_points=512,
    masking=dict(type='RandomMasking', ratio=0.6, rounding='floor(hidden)'),
    encoder=dict(
        type='PointEncoder',
        arch='point_tiny',
        masked='drop',
        class_token=True,
        num_groups=32,
        group_size=16,
        embed_dim=128,
        depth=6,
        num_heads=4,
    ),
    head=dict(type='PointDecoder', depth=2, heads=4),
    target=dict(type='GroupPoints'),
    loss=dict(type='ChamferLoss', norm='l2', on='masked'),
)
train_dataloader = dict(
    dataset=dict(
        up='z',
        source=dict(_delete_=True, type='H5Source', files='data/dales_objects/train.h5'),
        transform=dict(rotate='z'),
    )
)
train_cfg = dict(epochs=100)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.cls_token']))
param_scheduler = dict(warmup=5)
default_hooks = dict(save=dict(interval=50), pictures=dict(interval=50))

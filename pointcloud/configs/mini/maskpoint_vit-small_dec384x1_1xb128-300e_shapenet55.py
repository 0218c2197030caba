"""MaskPoint in mini size: 32 groups of 16, width 96, depth 4, 64 and 64 queries.

Command: mimbench pretrain pointcloud/configs/mini/maskpoint_vit-small_dec384x1_1xb128-300e_shapenet55.py --data FOLDER
"""

_base_ = '../_base_/mini.py'
recipe = dict(method='MaskPoint', epochs=20)
model = dict(
    type='DiscriminatedPoints',
    num_points=512,
    real=64,
    fake=64,
    masking=dict(type='RandomMasking', ratio=0.9, rounding='floor(hidden)', shared=True),
    encoder=dict(
        type='PointEncoder',
        arch='point_tiny',
        masked='drop',
        class_token=True,
        group_width=64,
        num_groups=32,
        group_size=16,
        group_inner=(32, 64, 128),
        embed_dim=96,
        depth=4,
        num_heads=4,
    ),
    head=dict(type='PointDiscriminator', depth=1, heads=4),
)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.cls_token']))

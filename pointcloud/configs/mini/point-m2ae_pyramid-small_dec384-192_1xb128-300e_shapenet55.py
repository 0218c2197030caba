"""Point-M2AE in mini size: 64, 32 and 16 groups of 8, widths 32, 64 and 96, one block each.

Command: mimbench pretrain pointcloud/configs/mini/point-m2ae_pyramid-small_dec384-192_1xb128-300e_shapenet55.py --data
FOLDER
"""

_base_ = '../_base_/mini.py'
recipe = dict(method='Point-M2AE', epochs=20)
model = dict(
    type='MaskedPyramid',
    num_points=512,
    masking=dict(type='RandomMasking', ratio=0.8, rounding='floor(hidden)'),
    encoder=dict(
        type='PyramidEncoder',
        arch='point_pyramid_small',
        masked='drop',
        num_groups=(64, 32, 16),
        group_size=(8, 8, 8),
        widths=(32, 64, 96),
        depths=(1, 1, 1),
        num_heads=4,
    ),
    head=dict(type='PyramidDecoder', heads=4),
)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.patch_embed.*', '*.propagation.*']))

"""Fine-tuning in mini size, for Point-M2AE.

Command: mimbench transfer pointcloud/configs/mini/point-m2ae_pyramid-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='Point-M2AE', epochs=20)
model = dict(
    encoder=dict(
        _delete_=True,
        arch='point_pyramid_small',
        arch_args=dict(
            num_groups=(64, 32, 16), group_size=(8, 8, 8), widths=(32, 64, 96), depths=(1, 1, 1), num_heads=4
        ),
        local_radius=(0.32, 0.64, 1.28),
    ),
    join='sum',
    smoothing=0.3,
)
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d', '*.patch_embed.*']))

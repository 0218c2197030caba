"""Fine-tuning of Point-M2AE in mini size, the last epoch evaluated, for ScanObjectNN PB-T50-RS.

Command: mimbench transfer pointcloud/configs/mini/point-m2ae_pyramid-small_ft_1xb32-300e_scanobjectnn-pbt50rs.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-pbt50rs.py'
recipe = dict(method='Point-M2AE')
model = dict(
    encoder=dict(
        _delete_=True,
        arch='point_pyramid_small',
        arch_args=dict(widths=(32, 64, 96), depths=(1, 1, 1), num_heads=4),
        num_groups=(64, 32, 16),
        group_size=(16, 16, 16),
        local_radius=(0.32, 0.64, 1.28),
    )
)
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d', '*.patch_embed.*']))

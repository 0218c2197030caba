"""Part segmentation in mini size: 512 points in 32 groups, width 96.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_partseg_1xb16-300e_shapenetpart.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = '../point-mae_vit-small_partseg_1xb16-300e_shapenetpart.py'
model = dict(
    num_points=512,
    encoder=dict(
        arch='point_tiny',
        arch_args=dict(num_groups=32, group_size=16, group_inner=(32, 64, 128), embed_dim=96, depth=4, num_heads=4),
        num_groups=32,
        group_size=16,
        drop_path_rate=0.0,
    ),
)
train_dataloader = dict(
    num_workers=1,
    dataset=dict(source=dict(source=dict(root='runs/demo/points/parts')), transform=dict(num_points=512), least=16),
)
val_dataloader = dict(
    num_workers=1,
    dataset=dict(source=dict(root='runs/demo/points/parts'), transform=dict(num_points=512), least=16),
)
train_cfg = dict(epochs=20)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = dict(warmup=1)
custom_hooks = [dict(type='SelectHook', score='instance_miou', interval=5)]
recipe = dict(epochs=20, published=dict(_delete_=True), source='', data='procedural')
protocol = dict(id='points-mini-partseg', version=1, metric='instance_miou', higher_is_better=True, init_stage='mim')

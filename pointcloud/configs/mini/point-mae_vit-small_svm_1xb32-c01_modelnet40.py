"""Linear SVM on frozen features in mini size.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_svm_1xb32-c01_modelnet40.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = '../point-mae_vit-small_svm_1xb32-c01_modelnet40.py'
model = dict(
    num_points=512,
    encoder=dict(
        arch='point_tiny',
        arch_args=dict(num_groups=32, group_size=16, group_inner=(32, 64, 128), embed_dim=96, depth=4, num_heads=4),
    ),
)
train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        least=16,
        source=dict(_delete_=True, type='PointFolder', root='runs/demo/points/train'),
        transform=dict(num_points=512, sample='farthest', few='repeat'),
    ),
)
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        least=16,
        source=dict(_delete_=True, type='PointFolder', root='runs/demo/points/val'),
        transform=dict(num_points=512, sample='farthest', few='repeat'),
    ),
)
recipe = dict(published=dict(_delete_=True), source='', data='procedural')
protocol = dict(id='points-mini-svm', version=1, metric='top1', higher_is_better=True, init_stage='mim')

"""Fine-tuning in mini size with more points in more groups.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_ft_1xb32-300e_modelnet40-8k.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
model = dict(num_points=1024, encoder=dict(num_groups=64))
train_dataloader = dict(dataset=dict(transform=dict(num_points=1024, sample='farthest', shuffle=True)))
val_dataloader = dict(dataset=dict(transform=dict(num_points=1024)))
protocol = dict(id='points-mini-many', version=1, metric='top1', higher_is_better=True, init_stage='mim')

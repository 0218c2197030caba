"""Votes in mini size: four passes over random subsets of the farthest points.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_ftvote_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
task = dict(votes=dict(count=4, scale=(2 / 3, 3 / 2), translate=0.2))
val_dataloader = dict(dataset=dict(transform=dict(num_points=600, sample='farthest')))
protocol = dict(id='points-mini-vote4', version=1, metric='top1_vote', higher_is_better=True, init_stage='mim')

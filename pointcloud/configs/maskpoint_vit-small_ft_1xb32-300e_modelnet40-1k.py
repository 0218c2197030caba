"""Fine-tuning of MaskPoint on ModelNet40, 1024 points, no votes.

Command: mimbench transfer pointcloud/configs/maskpoint_vit-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: MaskPoint cfgs/finetune_modelnet.yaml, models/MaskPoint.py: Point-MAE's schedule, a
head with one hidden layer and no batch norm.
Published: 93.8 (MaskPoint README, votes not stated); best epoch on the test set there, on held-out clouds here.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
recipe = dict(method='MaskPoint', published=dict(top1=0.938), source='MaskPoint README, votes not stated')
model = dict(encoder=dict(arch_args=dict(class_token=True, group_width=256)), head=dict(hidden=(256,), norm=False))

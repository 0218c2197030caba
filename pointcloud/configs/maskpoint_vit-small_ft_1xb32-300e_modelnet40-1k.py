"""Fine-tuning of MaskPoint on ModelNet40, 1024 points, no votes; the recipe is Point-MAE's.

Command: mimbench transfer pointcloud/configs/maskpoint_vit-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. An approximation: the method's own fine-tuning settings were not at hand.
Published: 93.8 (MaskPoint README, votes not stated); best epoch on the test set there, on held-out clouds here.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
recipe = dict(method='MaskPoint', published=dict(top1=0.938), source='MaskPoint README, votes not stated')
model = dict(encoder=dict(arch_args=dict(class_token=True, group_width=256)))

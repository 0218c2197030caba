"""Fine-tuning of Point-M2AE on ModelNet40, 1024 points, no votes; the recipe is Point-MAE's.

Command: mimbench transfer pointcloud/configs/point-m2ae_pyramid-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. An approximation: the method's own fine-tuning settings were not at hand.
Published: 93.43 without votes (Point-M2AE README); best epoch on the test set there, on held-out clouds here.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
recipe = dict(method='Point-M2AE', published=dict(top1=0.9343), source='Point-M2AE README')
model = dict(encoder=dict(arch='point_pyramid_small'))
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d']))

"""Fine-tuning of Point-M2AE on ModelNet40, 1024 points, no votes.

Command: mimbench transfer pointcloud/configs/point-m2ae_pyramid-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-M2AE cfgs/fine-tuning/modelnet40.yaml, models/Point_M2AE_Finetune.py:
Point-MAE's schedule, attention within a radius at each level, mean plus maximum into the head, labels smoothed by 0.3;
the group embeddings do not decay. The final norm begins with the checkpoint's weights, there afresh.
Published: 93.43 without votes (Point-M2AE README); best epoch on the test set there, on held-out clouds here.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
recipe = dict(method='Point-M2AE', published=dict(top1=0.9343), source='Point-M2AE README')
model = dict(
    encoder=dict(arch='point_pyramid_small', local_radius=(0.32, 0.64, 1.28)),
    join='sum',
    smoothing=0.3,
)
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d', '*.patch_embed.*']))

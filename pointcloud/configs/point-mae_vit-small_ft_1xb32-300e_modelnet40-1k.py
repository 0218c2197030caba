"""Fine-tuning of Point-MAE on ModelNet40, 1024 points, no votes.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE cfgs/finetune_modelnet.yaml (commit 7445a68).
Published: 93.2 without votes (Point-M2AE's README); best epoch on the test set there, on held-out clouds here.
"""

_base_ = ['_base_/finetune_300e.py', '_base_/modelnet40_1k.py']
recipe = dict(
    method='Point-MAE',
    epochs=300,
    data='ModelNet40',
    published=dict(top1=0.932),
    source='Point-M2AE README, Point-MAE row',
)
protocol = dict(id='modelnet40-1k-heldout', version=1, metric='top1', higher_is_better=True, init_stage='mim')

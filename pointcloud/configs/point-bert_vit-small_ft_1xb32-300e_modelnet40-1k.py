"""Fine-tuning of Point-BERT on ModelNet40, 1024 points, no votes; the recipe is Point-MAE's.

Command: mimbench transfer pointcloud/configs/point-bert_vit-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. An approximation: the method's own fine-tuning settings were not at hand.
Published: 92.67 without votes (Point-BERT README); best epoch on the test set there, on held-out clouds here.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
recipe = dict(method='Point-BERT', published=dict(top1=0.9267), source='Point-BERT README')
model = dict(encoder=dict(arch_args=dict(class_token=True, group_width=256)))

"""Fine-tuning in mini size, for Point-MAE on ModelNet40 with 1024 points.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='Point-MAE', epochs=20)

"""Few-shot in mini size: 10 clouds of each class, three draws.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_fewshot_1xb32-150e_modelnet40-10w20s.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w20s.py'

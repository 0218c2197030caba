"""Fine-tuning in mini size, the last epoch evaluated, for ScanObjectNN PB-T50-RS.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_ft_1xb32-300e_scanobjectnn-pbt50rs.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'

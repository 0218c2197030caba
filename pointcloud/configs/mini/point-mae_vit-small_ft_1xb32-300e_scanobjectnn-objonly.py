"""Fine-tuning in mini size with the epoch chosen on held-out clouds, for ScanObjectNN OBJ-ONLY.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_ft_1xb32-300e_scanobjectnn-objonly.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-objbg.py'

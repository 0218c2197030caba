"""Blocks of a small image ViT as the start of a point network, in mini size.

Command: mimbench transfer pointcloud/configs/mini/mae_vit-small_ft_1xb32-300e_scanobjectnn-pbt50rs.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-pbt50rs.py'
recipe = dict(method='MAE')
model = dict(encoder=dict(num_groups=32, group_size=16))

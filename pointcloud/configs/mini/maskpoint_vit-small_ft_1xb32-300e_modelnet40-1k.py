"""Fine-tuning in mini size, for MaskPoint.

Command: mimbench transfer pointcloud/configs/mini/maskpoint_vit-small_ft_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='MaskPoint', epochs=20)
model = dict(encoder=dict(arch_args=dict(class_token=True, group_width=64)), head=dict(hidden=(256,), norm=False))

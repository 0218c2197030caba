"""Action recognition with a class token in mini size, for any checkpoint of clips; the network here is the control's.

Command: mimbench transfer video/configs/mini/maest_vit-base-p16_ft_64xb1-75e_k400.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='MAE-ST', epochs=20)
model = dict(encoder=dict(arch_args=dict(class_token=True), position='learned'))

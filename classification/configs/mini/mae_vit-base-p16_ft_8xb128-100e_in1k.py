"""Fine-tuning in mini size: 32 pixels, for any checkpoint; the network named here is that of the random control.

Command: mimbench transfer classification/configs/mini/mae_vit-base-p16_ft_8xb128-100e_in1k.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='MAE', epochs=20)

"""Action recognition in mini size, for any checkpoint of clips; the network named here is that of the random control.

Command: mimbench transfer video/configs/mini/videomae_vit-base-p16_ft_64xb8-100e_k400.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='VideoMAE', epochs=20)

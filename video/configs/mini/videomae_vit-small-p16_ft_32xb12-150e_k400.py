"""Action recognition in mini size (k400, ViT-S), for any checkpoint; the network here is the control's.

Command: mimbench transfer video/configs/mini/videomae_vit-small-p16_ft_32xb12-150e_k400.py --checkpoint FILE --data
    TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='VideoMAE', epochs=20)

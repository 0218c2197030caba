"""Action recognition in mini size (k400, ViT-B), for any checkpoint; the network here is the control's.

Command: mimbench transfer video/configs/mini/videomae_vit-base-p16_ft_64xb6-75e_k400.py --checkpoint FILE --data
    TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='VideoMAE', epochs=20)

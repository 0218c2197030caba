"""medical_mae's fine-tuning in mini size: 28 pixels, classes or findings, for any checkpoint of grey images.

Command: mimbench transfer medical/configs/mini/medicalmae_vit-small-p16_ft_8xb128-75e_nih.py --checkpoint FILE
    --data FILE.npz
"""

_base_ = '../_base_/mini_findings.py'
recipe = dict(method='medical_mae', epochs=10)

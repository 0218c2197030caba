"""SelfMedMAE's fine-tuning in mini size: 28 pixels, classes or findings, for any checkpoint of grey images.

Command: mimbench transfer medical/configs/mini/selfmedmae_vit-base-p16_ft_8xb32-100e_nih.py --checkpoint FILE
    --data FILE.npz
"""

_base_ = '../_base_/mini_findings.py'
recipe = dict(method='SelfMedMAE', epochs=10)

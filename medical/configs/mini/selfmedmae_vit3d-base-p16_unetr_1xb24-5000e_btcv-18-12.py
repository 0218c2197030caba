"""SelfMedMAE's UNETR in mini size, for any checkpoint of a volume transformer with patches of 8.

Command: mimbench transfer medical/configs/mini/selfmedmae_vit3d-base-p16_unetr_1xb24-5000e_btcv-18-12.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = '../_base_/mini_unetr.py'
recipe = dict(method='SelfMedMAE', epochs=20)

"""UNETR on BTCV 24/6 in mini size, for any checkpoint of a volume transformer with patches of 8.

Command: mimbench transfer medical/configs/mini/mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = '../_base_/mini_unetr.py'
recipe = dict(method='MAE', epochs=20)

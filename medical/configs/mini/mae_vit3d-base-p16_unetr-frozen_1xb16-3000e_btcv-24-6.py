"""UNETR's decoder alone in mini size, for any checkpoint of a volume transformer with patches of 8.

Command: mimbench transfer medical/configs/mini/mae_vit3d-base-p16_unetr-frozen_1xb16-3000e_btcv-24-6.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = '../_base_/mini_unetr.py'
recipe = dict(method='MAE', epochs=20)
protocol = dict(id='volumes-mini-unetr-frozen')
model = dict(frozen=True)
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d']))

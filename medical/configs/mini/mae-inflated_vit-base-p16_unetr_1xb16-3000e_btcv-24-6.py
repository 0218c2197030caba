"""An inflated image checkpoint and UNETR in mini size, for any checkpoint of an image transformer with patches of 8.

Command: mimbench transfer medical/configs/mini/mae-inflated_vit-base-p16_unetr_1xb16-3000e_btcv-24-6.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = '../_base_/mini_unetr.py'
recipe = dict(method='MAE', epochs=20)
protocol = dict(id='volumes-mini-unetr-32-inflated')
model = dict(encoder=dict(inflate=dict(patch=8, rule='mean', position='sincos-3d', prefix='keep')))

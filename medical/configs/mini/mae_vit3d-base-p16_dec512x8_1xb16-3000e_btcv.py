"""MAE of MIM-Med3D in mini size: 48 of 64 patches hidden.

Command: mimbench pretrain medical/configs/mini/mae_vit3d-base-p16_dec512x8_1xb16-3000e_btcv.py --data LIST.json
"""

_base_ = '../_base_/mini_volumes.py'
recipe = dict(method='MAE', epochs=20)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(class_token=False, masked='drop', position='learned'),
    head=dict(type='TransformerDecoder', width=48, depth=2, heads=4, position='learned'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)

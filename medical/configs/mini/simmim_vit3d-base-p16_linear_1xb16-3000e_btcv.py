"""SimMIM of MIM-Med3D in mini size: 48 of 64 patches replaced by a token.

Command: mimbench pretrain medical/configs/mini/simmim_vit3d-base-p16_linear_1xb16-3000e_btcv.py --data LIST.json
"""

_base_ = '../_base_/mini_volumes.py'
recipe = dict(method='SimMIM', epochs=20)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(class_token=False, masked='token', position='learned'),
    head=dict(type='LinearHead'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)

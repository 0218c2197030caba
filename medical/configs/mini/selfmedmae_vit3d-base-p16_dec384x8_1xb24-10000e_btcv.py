"""SelfMedMAE with ratio 0.75 in mini size: 48 of 64 patches hidden.

Command: mimbench pretrain medical/configs/mini/selfmedmae_vit3d-base-p16_dec384x8_1xb24-10000e_btcv.py
    --data LIST.json
"""

_base_ = '../_base_/mini_volumes.py'
recipe = dict(method='SelfMedMAE', epochs=20)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(masked='drop', position='sincos-3d', init='xavier'),
    head=dict(type='TransformerDecoder', width=48, depth=2, heads=4, position='sincos-3d'),
    target=dict(type='Pixels', normalise='patch-biased'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(dataset=dict(labels=True, crop=dict(positive=1, negative=1, flip=0.2)))

"""SelfMedMAE on four channels in mini size: 8 of 64 patches hidden. The data need four channels, as BraTS has.

Command: mimbench pretrain medical/configs/mini/selfmedmae-r125_vit3d-base-p16_dec384x8_1xb24-500e_msdbrats.py
    --data LIST.json
"""

_base_ = '../_base_/mini_volumes.py'
recipe = dict(method='SelfMedMAE', epochs=20)
model = dict(
    channels=4,
    mean=(0.0,) * 4,
    std=(1.0,) * 4,
    masking=dict(type='RandomMasking', ratio=0.125),
    encoder=dict(masked='drop', position='sincos-3d', init='xavier'),
    head=dict(type='TransformerDecoder', width=48, depth=2, heads=4, position='sincos-3d'),
    target=dict(type='Pixels', normalise='patch-biased'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    dataset=dict(
        labels=True,
        channels=4,
        prepare=dict(_delete_=True, type='PrepareVolume', orientation='RAS', standardise='nonzero'),
        crop=dict(positive=1, negative=1, flip=0.2, threshold='nonzero', standardise='nonzero'),
    )
)

"""A2MIM on ResNet-18, 96 pixels, units of 32, batch 128.

Command: mimbench pretrain pretrain/configs/mini/a2mim_resnet50_pixelshuffle_8xb256-300e_in1k.py --data FOLDER
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_adamw.py']
recipe = dict(method='A2MIM', epochs=20)
model = dict(
    type='MaskedModel',
    image_size=96,
    masking=dict(type='RandomMasking', ratio=0.6, unit=32, rounding='ceil(hidden)'),
    encoder=dict(type='CNNEncoder', arch='resnet18', masked='stage', stage=3, fill='mean'),
    head=dict(type='PixelShuffleHead'),
    target=[dict(type='Pixels', normalise='none'), dict(type='Spectrum', visible='mixed', live=1e-3)],
    loss=[dict(type='FocalL1', beta=0.2, on='masked'), dict(type='FocalFrequency', weight=0.5)],
)
train_dataloader = dict(dataset=dict(transform=dict(size=96, scale=(0.8, 1.0))))
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.mask_token'], lr_mult={'*.mask_token': 0.1}))

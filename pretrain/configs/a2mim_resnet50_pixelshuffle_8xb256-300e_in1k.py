"""A2MIM ResNet-50, ImageNet-1k, 300 epochs, batch 2048, no clipping.

Command: tools/dist_train.sh pretrain pretrain/configs/a2mim_resnet50_pixelshuffle_8xb256-300e_in1k.py 8
Published: fine-tuned top-1 80.4 with the 300-epoch recipe, 78.9 with the 100-epoch one (A2MIM README).
Source: Westlake-AI/openmixup configs/selfsup/a2mim/imagenet/r50_l3_sz224_init_8xb256_cos_ep300.py.
"""

_base_ = '_base_/imagenet.py'
recipe = dict(method='A2MIM', epochs=300, data='ImageNet-1k')
model = dict(
    type='MaskedModel',
    masking=dict(type='RandomMasking', ratio=0.6, unit=32, rounding='ceil(hidden)'),
    encoder=dict(type='CNNEncoder', arch='resnet50', masked='stage', stage=3, fill='mean'),
    head=dict(type='PixelShuffleHead'),
    target=[dict(type='Pixels', normalise='none'), dict(type='Spectrum', visible='mixed', live=1e-3)],
    loss=[dict(type='FocalL1', beta=0.2, on='masked'), dict(type='FocalFrequency', weight=0.5)],
)
train_dataloader = dict(batch_size=256, dataset=dict(transform=dict(scale=(0.8, 1.0), interpolation='bilinear')))
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=300)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=dict(base=3e-4, per=512), betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', '*.mask_token'], lr_mult={'*.mask_token': 0.1}),
)
param_scheduler = dict(type='WarmupCosine', warmup=10, start=1e-6, end=1e-5 / 1.2e-3)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=20))
sync_bn = 'torch'

"""VideoMAE: 16 frames of 224 pixels, 4 apart, tubes of .9, pixels normalised per channel, lr 1.5e-4 x batch / 256.

Source: MCG-NJU/VideoMAE run_mae_pretraining.py, modeling_pretrain.py and the scripts of each data set: betas (.9, .95),
weight decay .05, 40 epochs of warm-up from 1e-6 and a cosine to 1e-5, both of which are scaled with the batch as the
learning rate is; TSN's multi-scale crop, no mirroring. Linear layers are Xavier-uniform there; that the patch embedding
is so too is MAE's, and unverified for VideoMAE.
"""

_base_ = './k400.py'
model = dict(
    type='MaskedModel',
    image_size=(16, 224, 224),
    masking=dict(type='TubeMasking', ratio=0.9),
    encoder=dict(type='ViTEncoder', class_token=False, masked='drop', position='sincos-1d', init='xavier'),
    head=dict(type='TransformerDecoder', position='sincos-1d', bias=False, masked_only=True),
    target=dict(type='Pixels', normalise='patch-channel-unbiased'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    dataset=dict(
        sampling=dict(type='DenseSampling', frames=16, stride=4),
        transform=dict(type='ClipPretrain', size=224, crop='multiscale', flip=0.0),
    )
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=dict(base=1.5e-4, per=256), betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=40, start=1e-6 / 1.5e-4, end=1e-5 / 1.5e-4)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=100))

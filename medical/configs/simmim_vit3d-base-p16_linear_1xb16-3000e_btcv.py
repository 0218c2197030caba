"""SimMIM of MIM-Med3D on BTCV: ViT-B/16, 96 voxels, ratio 0.75 of single patches, L1, 3000 epochs, batch 4 x 4.

Command: mimbench pretrain medical/configs/simmim_vit3d-base-p16_linear_1xb16-3000e_btcv.py --data LIST.json
Hardware: one GPU of 80 GB (not measured).
Source: ZEKAICHEN/MIM-Med3D (code/configs/ssl/btcv, code/models/simmim.py): a linear layer per token, learned positions,
no class token, weight decay on all parameters. Its schedule ends after 1000 epochs at the rate that it starts with, its
trainer after 3000, so the rate stays constant. An approximation in the network: here queries, keys and values have
biases, and the encoder's final norm stands before the head.
"""

_base_ = '_base_/btcv_pretrain.py'
recipe = dict(method='SimMIM', epochs=3000, data='BTCV, training volumes of the list', source='ZEKAICHEN/MIM-Med3D')
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(
        type='ViTEncoder',
        arch='vit3d_base_patch16',
        patch_size=(16, 16, 16),
        class_token=False,
        masked='token',
        position='learned',
    ),
    head=dict(type='LinearHead'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)
train_dataloader = dict(batch_size=16)
train_cfg = dict(type='TrainLoop', effective_batch=16, epochs=3000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-5),
    paramwise_cfg=dict(no_decay=[]),
)
param_scheduler = dict(type='WarmupCosine', warmup=50, end=1.0)
default_hooks = dict(save=dict(interval=100), pictures=dict(interval=500))

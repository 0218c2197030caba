"""SimMIM of MIM-Med3D on BTCV: ViT-B/16, 96 voxels, ratio 0.75 of single patches, L1, 1000 epochs, batch 4.

Command: mimbench pretrain medical/configs/simmim_vit3d-base-p16_linear_1xb4-1000e_btcv.py --data LIST.json
Hardware: one GPU of 24 GB (not measured).
Source: ZEKAICHEN/MIM-Med3D. A linear layer per token is its head; learned positions, no class token, the warm-up and
the betas are not confirmed by our sources, so this is an approximation.
"""

_base_ = '_base_/btcv_pretrain.py'
recipe = dict(method='SimMIM', epochs=1000, data='BTCV, training volumes of the list', source='ZEKAICHEN/MIM-Med3D')
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
train_dataloader = dict(batch_size=4)
train_cfg = dict(type='TrainLoop', effective_batch=4, epochs=1000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-5),
    paramwise_cfg=dict(no_decay=['1d', '*.mask_token']),
)
param_scheduler = dict(type='WarmupCosine', warmup=100)
default_hooks = dict(save=dict(interval=100), pictures=dict(interval=500))

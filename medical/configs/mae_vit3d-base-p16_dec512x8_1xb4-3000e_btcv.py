"""MAE of MIM-Med3D on BTCV: ViT-B/16, 96 voxels, ratio 0.75, decoder 512 x 8 x 8, 3000 epochs, batch 4.

Command: mimbench pretrain medical/configs/mae_vit3d-base-p16_dec512x8_1xb4-3000e_btcv.py --data LIST.json
Hardware: one GPU of 24 GB (not measured).
Source: ZEKAICHEN/MIM-Med3D. Learned positions, no class token, no normalisation of targets: these three and the betas
are not confirmed by our sources, so this is an approximation.
"""

_base_ = '_base_/btcv_pretrain.py'
recipe = dict(method='MAE', epochs=3000, data='BTCV, training volumes of the list', source='ZEKAICHEN/MIM-Med3D')
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(
        type='ViTEncoder',
        arch='vit3d_base_patch16',
        patch_size=(16, 16, 16),
        class_token=False,
        masked='drop',
        position='learned',
    ),
    head=dict(type='TransformerDecoder', width=512, depth=8, heads=8, position='learned'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(batch_size=4)
train_cfg = dict(type='TrainLoop', effective_batch=4, epochs=3000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=300)
default_hooks = dict(save=dict(interval=100), pictures=dict(interval=500))

"""MAE of MIM-Med3D on BTCV: ViT-B/16, 96 voxels, ratio 0.75, decoder 512 x 8 x 8, 3000 epochs, batch 4 x 4.

Command: mimbench pretrain medical/configs/mae_vit3d-base-p16_dec512x8_1xb16-3000e_btcv.py --data LIST.json
Hardware: one GPU of 80 GB (not measured).
Source: ZEKAICHEN/MIM-Med3D (code/configs/ssl/btcv, code/models/mae.py): learned positions, no class token, L1 on plain
voxels, weight decay on all parameters. An approximation in the network: here queries, keys and values have biases, and
the encoder's final norm stands before the decoder.
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
    loss=dict(type='L1', on='masked'),
)
train_dataloader = dict(batch_size=16)
train_cfg = dict(type='TrainLoop', effective_batch=16, epochs=3000)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=[]),
)
param_scheduler = dict(type='WarmupCosine', warmup=300, end=1 / 3)
default_hooks = dict(save=dict(interval=100), pictures=dict(interval=500))

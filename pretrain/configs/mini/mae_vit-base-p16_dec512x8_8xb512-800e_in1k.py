"""MAE in mini size: ViT of width 192 and depth 8, patches of 4 on 64 pixels, decoder 128 x 2, batch 64.

Command: mimbench pretrain pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py --data FOLDER
"""

_base_ = '../_base_/mini.py'
recipe = dict(method='MAE', epochs=20)
model = dict(
    type='MaskedModel',
    image_size=64,
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(
        type='ViTEncoder',
        arch='vit_tiny_patch16_224',
        patch_size=4,
        depth=8,
        masked='drop',
        position='sincos-xy',
        init='xavier',
    ),
    head=dict(type='TransformerDecoder', width=128, depth=2, heads=4),
    target=dict(type='Pixels', normalise='patch'),
    loss=dict(type='MSE', on='masked'),
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=1)

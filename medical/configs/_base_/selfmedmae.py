"""SelfMedMAE's pre-training but for ratio, data and length: ViT-B/16, decoder 384 x 8 x 12, lr 6.4e-3 x batch / 256.

Source: cvlab-stonybrook/SelfMedMAE (scripts and YAML). Targets are the voxels of a patch after a LayerNorm without
weights. Weight decay 0.05 is MAE's and not confirmed by our sources.
"""

_base_ = './btcv_pretrain.py'
model = dict(
    encoder=dict(
        type='ViTEncoder',
        arch='vit3d_base_patch16',
        patch_size=(16, 16, 16),
        masked='drop',
        position='sincos-3d',
        init='xavier',
    ),
    head=dict(type='TransformerDecoder', width=384, depth=8, heads=12, position='sincos-3d'),
    target=dict(type='Pixels', normalise='patch-biased'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(batch_size=6)
train_cfg = dict(type='TrainLoop', effective_batch=6)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=dict(base=6.4e-3, per=256), betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
default_hooks = dict(save=dict(interval=100), pictures=dict(interval=500))

"""Pre-training on small grey images on a CPU: 28 pixels, patches of 4, width 96, depth 4."""

custom_imports = dict(imports=['medical'])
model = dict(
    type='MaskedModel',
    image_size=28,
    channels=1,
    mean=(0.572,),
    std=(0.168,),
    encoder=dict(type='ViTEncoder', arch='vit_tiny_patch16_224', patch_size=4, embed_dim=96, depth=4, num_heads=4),
)
train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='RadiographDataset',
        channels=1,
        source=dict(type='RadiographFolder', root='runs/demo/xray/train', layout='flat'),
        transform=dict(type='PretrainAugment', size=28, scale=(0.5, 1.0), interpolation='bicubic'),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=20)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=3.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=2)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=20))
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

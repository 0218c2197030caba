"""Masked pre-training on small clips on a CPU: 8 frames of 32 pixels, patches of 2 x 8 x 8, a ViT 128 wide, 6 deep."""

custom_imports = dict(imports=['video'])
model = dict(
    type='MaskedModel',
    image_size=(8, 32, 32),
    encoder=dict(
        type='ViTEncoder',
        arch='vit3d_tiny_patch16',
        patch_size=(2, 8, 8),
        embed_dim=128,
        depth=6,
        num_heads=4,
    ),
)
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    dataset=dict(
        type='ClipDataset',
        source=dict(type='ClipFolder', root='runs/demo/clips/unlabelled', classes=False),
        sampling=dict(type='DenseSampling', frames=8, stride=2),
        transform=dict(type='ClipPretrain', size=32),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=32, epochs=20)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=3.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=1)
default_hooks = dict(save=dict(interval=10), pictures=dict(interval=10, count=4))
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

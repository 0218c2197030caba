"""Pre-training on small volumes on a CPU: crops of 32 voxels, patches of 8, width 96, depth 4."""

custom_imports = dict(imports=['medical'])
model = dict(
    type='MaskedModel',
    image_size=(32, 32, 32),
    channels=1,
    mean=(0.253,),
    std=(0.245,),
    encoder=dict(
        type='ViTEncoder',
        arch='vit3d_tiny_patch16',
        patch_size=(8, 8, 8),
        embed_dim=96,
        depth=4,
        num_heads=4,
    ),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(
        type='VolumeDataset',
        source=dict(type='CaseList', file='runs/demo/volumes/dataset.json', part='training'),
        prepare=dict(type='PrepareVolume', orientation='RAS', window=(-175, 250)),
        crop=dict(type='CropVolume', size=(32, 32, 32)),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=8, epochs=20)
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

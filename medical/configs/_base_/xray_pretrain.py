"""Chest X-rays without labels, 224 pixels; mean 0.5056 and deviation 0.252 of NIH's images (medical_mae).

Grey is repeated to three channels, so that encoders of photographs fit, too. Folders may hold DICOM files.
"""

custom_imports = dict(imports=['medical'])
model = dict(type='MaskedModel', image_size=224, channels=3, mean=(0.5056,) * 3, std=(0.252,) * 3)
train_dataloader = dict(
    num_workers=10,
    dataset=dict(
        type='RadiographDataset',
        channels=3,
        source=dict(type='RadiographFolder', root='data/xray/train', layout='flat'),
        transform=dict(type='PretrainAugment', size=224, scale=(0.5, 1.0), interpolation='bicubic'),
    ),
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=dict(base=1.5e-4, per=256), betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=40)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=20))
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

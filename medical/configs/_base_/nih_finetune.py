"""ChestX-ray14 with 14 findings, 224 pixels, grey repeated to three channels: lists of the official split.

Mean, deviation, augmentation, the colour that rotations bring in, and the crop of the evaluation are medical_mae's
(lambert-x/medical_mae: FINETUNE.md, util/datasets.py).
"""

custom_imports = dict(imports=['medical'])
task = dict(type='ClassifyFindings')
model = dict(
    type='FindingClassifier',
    image_size=224,
    channels=3,
    mean=(0.5056,) * 3,
    std=(0.252,) * 3,
    num_classes=14,
    multi_label=True,
    encoder=dict(position='sincos-xy'),
)
train_dataloader = dict(
    num_workers=10,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        channels=3,
        source=dict(type='FindingList', file='data/nih/train_official.txt', root='data/nih/images'),
        transform=dict(type='FinetuneAugment', size=224, rand_augment='rand-m6-mstd0.5-inc1', fill=(0.5056,) * 3),
    ),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=10,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        channels=3,
        source=dict(type='FindingList', file='data/nih/test_official.txt', root='data/nih/images'),
        transform=dict(type='EvalAugment', resize=256, crop=224, interpolation='bicubic'),
    ),
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens']),
)
param_scheduler = dict(type='WarmupCosine', warmup=5, end=1e-2)
default_hooks = dict(save=dict(interval=5), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=5)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

"""VideoMAE fine-tuning: RandAugment, erasing .25, mixup .8, CutMix 1, smoothing .1, layer decay .75, drop path .1.

Source: MCG-NJU/VideoMAE run_class_finetuning.py and the scripts: betas (.9, .999), weight decay .05, 5 epochs of
    warm-up from 1e-6 and a cosine to 1e-6, both of which are scaled with the batch as the learning rate is. Repeated
    clips are other augmentations of the same frames.
"""

custom_imports = dict(imports=['video'])
task = dict(type='ClassifyClips')
model = dict(
    type='ClipClassifier',
    image_size=(16, 224, 224),
    head='mean',
    head_std=2e-5,
    smoothing=0.1,
    mixup=0.8,
    cutmix=1.0,
    erase=0.25,
    encoder=dict(arch_args=dict(class_token=False), position='sincos-1d', drop_path_rate=0.1),
)
train_dataloader = dict(
    num_workers=10,
    dataset=dict(
        type='ClipDataset',
        labels=True,
        windows='shared',
        transform=dict(type='ClipFinetune', size=224, rand_augment='rand-m7-n4-mstd0.5-inc1'),
    ),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=10,
    dataset=dict(type='ClipDataset', labels=True, transform=dict(type='ClipViews', resize=224, crops=3)),
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens'], layer_decay=0.75),
)
default_hooks = dict(save=dict(interval=5), pictures=None)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

"""ImageNet-1k as class folders under data/imagenet/train; crops of 224 pixels, no labels."""

train_dataloader = dict(
    num_workers=10,
    dataset=dict(
        type='ImageDataset',
        source=dict(type='FolderSource', root='data/imagenet/train'),
        transform=dict(type='PretrainAugment', size=224, interpolation='bicubic'),
    ),
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

"""ImageNet-1k as class folders data/imagenet/train and data/imagenet/val; evaluation at 256 bicubic, centre 224."""

custom_imports = dict(imports=['classification'])
model = dict(num_classes=1000)
train_dataloader = dict(
    num_workers=10,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='data/imagenet/train', layout='classes'),
    ),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=10,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='data/imagenet/val', layout='classes'),
        transform=dict(type='EvalAugment', resize=256, crop=224, interpolation='bicubic'),
    ),
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

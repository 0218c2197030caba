"""Frozen features of small images: 64 pixels, no augmentation on either set."""

custom_imports = dict(imports=['classification'])
model = dict(
    type='FrozenEncoder',
    image_size=64,
    pool='mean',
    encoder=dict(arch='vit_tiny_patch16_224', arch_args=dict(patch_size=4, depth=8), position='sincos-xy'),
)
train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='data/procedural/train', layout='classes'),
        transform=dict(type='EvalAugment', resize=64, crop=64),
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='data/procedural/val', layout='classes'),
        transform=dict(type='EvalAugment', resize=64, crop=64),
    ),
)
randomness = dict(seed=0)

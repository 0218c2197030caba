"""Frozen features of small images: 32 pixels, no augmentation on either set."""

custom_imports = dict(imports=['classification'])
model = dict(
    type='FrozenEncoder',
    image_size=32,
    pool='mean',
    encoder=dict(
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=4, embed_dim=128, depth=6, num_heads=4),
        position='sincos-xy',
    ),
)
train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='runs/demo/data/train', layout='classes'),
        transform=dict(type='EvalAugment', resize=32, crop=32),
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='runs/demo/data/val', layout='classes'),
        transform=dict(type='EvalAugment', resize=32, crop=32),
    ),
)
randomness = dict(seed=0)

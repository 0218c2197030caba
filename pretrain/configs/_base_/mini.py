"""Small images for a CPU: crops of 32 pixels of the procedural set that `mimbench demo` writes, or of any --data."""

train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        source=dict(type='FolderSource', root='runs/demo/data/unlabelled'),
        transform=dict(type='PretrainAugment', size=32, scale=(0.2, 1.0), interpolation='bicubic'),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=20)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

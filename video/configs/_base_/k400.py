"""Kinetics-400: the list data/k400/train.csv of `path label` beside the videos (short side 320)."""

custom_imports = dict(imports=['video'])
train_dataloader = dict(
    num_workers=10,
    dataset=dict(type='ClipDataset', source=dict(type='ClipList', file='data/k400/train.csv', labels=False)),
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

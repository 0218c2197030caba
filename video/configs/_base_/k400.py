"""Kinetics-400: lists data/k400/train.csv and val.csv of `path label` beside the videos (short side 320)."""

custom_imports = dict(imports=['video'])
train_dataloader = dict(
    num_workers=10, dataset=dict(type='ClipDataset', source=dict(type='ClipList', file='data/k400/train.csv'))
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

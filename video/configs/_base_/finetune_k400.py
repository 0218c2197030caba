"""Kinetics-400: lists data/k400/train.csv and val.csv; dense windows of 64 frames, tested with 5 clips x 3 crops."""

_base_ = './finetune.py'
task = dict(dataset='k400')
model = dict(num_classes=400)
train_dataloader = dict(
    dataset=dict(
        source=dict(type='ClipList', file='data/k400/train.csv'),
        sampling=dict(type='DenseSampling', frames=16, stride=4, spacing='linspace'),
    )
)
val_dataloader = dict(
    dataset=dict(
        source=dict(type='ClipList', file='data/k400/val.csv'),
        sampling=dict(type='DenseSampling', frames=16, stride=4, clips=5),
    )
)

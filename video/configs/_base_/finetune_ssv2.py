"""Something-Something v2: a frame from each of 16 segments, no mirroring, tested with 2 clips x 3 crops."""

_base_ = './finetune.py'
task = dict(dataset='ssv2')
model = dict(num_classes=174)
train_dataloader = dict(
    dataset=dict(
        source=dict(
            type='SomethingSomething',
            root='data/ssv2/videos',
            file='data/ssv2/annotations/something-something-v2-train.json',
        ),
        sampling=dict(type='SegmentSampling', frames=16),
        transform=dict(flip=0.0),
    )
)
val_dataloader = dict(
    dataset=dict(
        source=dict(
            type='SomethingSomething',
            root='data/ssv2/videos',
            file='data/ssv2/annotations/something-something-v2-validation.json',
        ),
        sampling=dict(type='SegmentSampling', frames=16, clips=2),
    )
)

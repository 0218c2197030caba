"""UCF101 split 1: class folders in data/ucf101/videos, split files in data/ucf101/splits; tested with 5 x 3 views."""

_base_ = './finetune.py'
task = dict(dataset='ucf101')
model = dict(num_classes=101)
train_dataloader = dict(
    dataset=dict(
        source=dict(type='SplitList', root='data/ucf101/videos', annotations='data/ucf101/splits', part='train'),
        sampling=dict(type='DenseSampling', frames=16, stride=4, spacing='linspace'),
    )
)
val_dataloader = dict(
    dataset=dict(
        source=dict(type='SplitList', root='data/ucf101/videos', annotations='data/ucf101/splits', part='test'),
        sampling=dict(type='DenseSampling', frames=16, stride=4, clips=5),
    )
)

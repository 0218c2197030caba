"""UCF101, split 1: class folders in data/ucf101/videos, the split files in data/ucf101/splits."""

_base_ = './videomae_pretrain.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True, type='SplitList', root='data/ucf101/videos', annotations='data/ucf101/splits', part='train'
        )
    )
)

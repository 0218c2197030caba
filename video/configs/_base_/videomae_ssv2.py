"""Something-Something v2: its json files in data/ssv2/annotations, videos in data/ssv2/videos."""

_base_ = './videomae_pretrain.py'
train_dataloader = dict(
    dataset=dict(
        sampling=dict(stride=2),
        source=dict(
            _delete_=True,
            type='SomethingSomething',
            root='data/ssv2/videos',
            file='data/ssv2/annotations/something-something-v2-train.json',
        ),
    )
)

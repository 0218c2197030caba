"""Aerial objects in small: 512 points in the unit sphere, 32 groups of 16, width 128, depth 6; z points up.

The blocks have the shape of the image twins' ViT (128 wide, 6 deep, 4 heads), so that one of those can be a start.
"""

_base_ = 'mini_finetune.py'
protocol = dict(id='points-dales-finetune', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(
    encoder=dict(
        arch_args=dict(
            _delete_=True, num_groups=32, group_size=16, embed_dim=128, depth=6, num_heads=4, class_token=True
        ),
        num_groups=32,
        group_size=16,
        drop_path_rate=0.1,
    )
)
train_dataloader = dict(
    dataset=dict(
        source=dict(_delete_=True, type='H5Source', files='data/dales_objects/train.h5'), transform=dict(rotate='z')
    )
)
val_dataloader = dict(dataset=dict(source=dict(_delete_=True, type='H5Source', files='data/dales_objects/val.h5')))

"""Point-BERT's prediction of discrete tokens in mini size: 32 groups of 16, width 96, depth 4.

Command: mimbench pretrain pointcloud/configs/mini/point-bert_vit-small_linear_1xb128-300e_shapenet55.py --data FOLDER
"""

_base_ = '../_base_/mini.py'
recipe = dict(method='Point-BERT', epochs=20)
model = dict(
    type='MaskedPoints',
    num_points=512,
    masking=dict(type='BlockGroupMasking', ratio=(0.25, 0.45)),
    encoder=dict(
        type='PointEncoder',
        arch='point_tiny',
        masked='token',
        class_token=True,
        group_width=64,
        num_groups=32,
        group_size=16,
        group_inner=(32, 64, 128),
        embed_dim=96,
        depth=4,
        num_heads=4,
    ),
    head=dict(type='LinearHead', masked_only=True),
    target=dict(type='GroupTokens', tokenizer='runs/point-dvae/tokenizer.safetensors'),
    loss=dict(type='CrossEntropy', on='masked'),
)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.cls_token']))

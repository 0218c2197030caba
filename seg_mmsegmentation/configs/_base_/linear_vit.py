"""A linear layer over four frozen blocks of a plain ViT, normed and concatenated, for ViT-B.

Nothing of the backbone trains, its final norm included; without a pyramid the maps have stride 16.
Source: bytedance/ibot `evaluation/semantic_segmentation/configs/linear/vit_base_512_ade20k_160k.py`.
"""

_base_ = 'upernet_vit.py'
model = dict(
    backbone=dict(four_levels=False, frozen=14, out_norm='own', drop_path_rate=0.0),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=None,
        in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        channels=None,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=None,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
    auxiliary_head=None,
)

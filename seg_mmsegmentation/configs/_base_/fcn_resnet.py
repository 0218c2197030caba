"""FCN over a ResNet of stride 8 (dilation 2 and 4 in the last stages), tested on whole images.

Source: MMSegmentation `configs/_base_/models/fcn_r50-d8.py`.
"""

_base_ = 'upernet_pyramid.py'
model = dict(
    backbone=dict(arch='resnet50', timm_args=dict(output_stride=8), drop_path_rate=0.0),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=None,
        in_index=3,
        channels=512,
        num_convs=2,
        concat_input=True,
        dropout_ratio=0.1,
        num_classes=None,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)

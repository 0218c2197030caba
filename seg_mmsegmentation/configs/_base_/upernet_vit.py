"""UPerNet over four blocks of a plain ViT, as in BEiT's code and those derived from it; widths are those of ViT-B.

Four maps of stride 16 are resampled to strides 4, 8, 16 and 32; no final norm. SyncBN comes from `sync_bn`.
Source: microsoft/unilm `beit/semantic_segmentation/configs/_base_/models/upernet_beit.py`.
"""

sync_bn = 'torch'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(512, 512),
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='MIMBackbone',
        image_size=512,
        arch='vit_base_patch16_224',
        levels=[3, 5, 7, 11],
        four_levels=True,
        drop_path_rate=0.1,
    ),
    decode_head=dict(
        type='UPerHead',
        in_channels=None,
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=768,
        dropout_ratio=0.1,
        num_classes=None,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=None,
        in_index=2,
        channels=256,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=None,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4),
    ),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)),
)

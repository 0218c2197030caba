"""Cascade Mask R-CNN with GIoU loss and 64 channels, for a tiny ViT with patches of 8 on images of 64 pixels."""

_base_ = 'giou_cascade.py'
model = dict(
    data_preprocessor=dict(mean=None, std=None, pad_size_divisor=32),
    backbone=dict(image_size=64, levels=[1, 2, 4, 5], drop_path_rate=0.1),
    neck=dict(out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=[
            dict(
                type='Shared4Conv1FCBBoxHead',
                in_channels=64,
                conv_out_channels=64,
                fc_out_channels=128,
                roi_feat_size=7,
                num_classes=None,
                norm_cfg=dict(type='BN'),
                bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_stds=stds),
                reg_class_agnostic=False,
                reg_decoded_bbox=True,
                loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False),
                loss_bbox=dict(type='GIoULoss', loss_weight=10.0),
            )
            for stds in ([0.1, 0.1, 0.2, 0.2], [0.05, 0.05, 0.1, 0.1], [0.033, 0.033, 0.067, 0.067])
        ],
        mask_roi_extractor=dict(out_channels=64),
        mask_head=dict(in_channels=64, conv_out_channels=64, num_convs=2, num_classes=None),
    ),
    train_cfg=dict(rpn=dict(sampler=dict(num=128)), rpn_proposal=dict(nms_pre=400, max_per_img=64)),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
)

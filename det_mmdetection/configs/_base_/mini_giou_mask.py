"""Mask R-CNN with GIoU loss and 64 channels, for a tiny ViT with patches of 8 on images of 64 pixels."""

_base_ = 'giou_mask.py'
model = dict(
    data_preprocessor=dict(mean=None, std=None, pad_size_divisor=32),
    backbone=dict(image_size=64, levels=[1, 2, 4, 5], drop_path_rate=0.1),
    neck=dict(out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, conv_out_channels=64, fc_out_channels=128, num_classes=None),
        mask_roi_extractor=dict(out_channels=64),
        mask_head=dict(in_channels=64, conv_out_channels=64, num_convs=2, num_classes=None),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=128)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=32)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
)

"""ViTDet's Mask R-CNN with 64 channels, two levels and one by pooling, for a tiny ViT on images of 64 pixels.

The network named here is that of the random control: 128 wide, 6 deep, patches of 4.
"""

_base_ = 'vitdet_mask.py'
model = dict(
    data_preprocessor=dict(mean=None, std=None, pad_size_divisor=32),
    backbone=dict(
        image_size=64,
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=4, embed_dim=128, depth=6, num_heads=4),
        position='sincos-xy',
        drop_path_rate=0.1,
        window=8,
        global_blocks=[2, 5],
    ),
    neck=dict(channels=64, scales=(1, 0.5)),
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

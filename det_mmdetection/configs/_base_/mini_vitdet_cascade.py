"""ViTDet's Cascade Mask R-CNN with 64 channels, otherwise as in `mini_vitdet_mask.py`."""

_base_ = 'vitdet_cascade.py'
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
        bbox_head=[
            dict(
                type='Shared4Conv1FCBBoxHead',
                in_channels=64,
                conv_out_channels=64,
                fc_out_channels=128,
                roi_feat_size=7,
                num_classes=None,
                norm_cfg=dict(type='ChannelNorm', eps=1e-6),
                bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_stds=stds),
                reg_class_agnostic=True,
                loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False),
                loss_bbox=dict(type='L1Loss'),
            )
            for stds in ([0.1, 0.1, 0.2, 0.2], [0.05, 0.05, 0.1, 0.1], [1 / 30, 1 / 30, 1 / 15, 1 / 15])
        ],
        mask_roi_extractor=dict(out_channels=64),
        mask_head=dict(in_channels=64, conv_out_channels=64, num_convs=2, num_classes=None),
    ),
    train_cfg=dict(rpn=dict(sampler=dict(num=128)), rpn_proposal=dict(nms_pre=400, max_per_img=64)),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
)

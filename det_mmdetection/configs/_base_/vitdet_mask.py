"""ViTDet's Mask R-CNN: windows of 14 with a few global blocks, decomposed relative positions, simple feature pyramid.

LayerNorm has epsilon 1e-6 everywhere. Class token and final norm of the checkpoint are left out. Images are padded to
1024 after normalisation, with 0.
Source: arXiv 2203.16527; detectron2 `projects/ViTDet/configs/common/` and `configs/common/models/mask_rcnn_vitdet.py`.
"""

_base_ = 'mask_rcnn.py'
model = dict(
    data_preprocessor=dict(pad_size_divisor=1024),
    backbone=dict(image_size=1024, window=14, decomposed=True, prefix=False),
    neck=dict(_delete_=True, type='SimpleFeaturePyramid', width=None, channels=256),
    rpn_head=dict(num_convs=2),
    roi_head=dict(
        bbox_head=dict(
            type='Shared4Conv1FCBBoxHead', conv_out_channels=256, norm_cfg=dict(type='ChannelNorm', eps=1e-6)
        ),
        mask_head=dict(norm_cfg=dict(type='ChannelNorm', eps=1e-6)),
    ),
)

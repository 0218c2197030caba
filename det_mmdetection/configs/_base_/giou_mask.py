"""Mask R-CNN as in CAE's code: four blocks to a pyramid, box head of 4 convolutions with GIoU loss, full attention.

Batch norm in the head and in the resampling is synchronised by `sync_bn`.
Source: lxtGH/CAE `downstream_tasks/detection`, mask_rcnn_vit_fpn.py and vit_base_giou_4conv1f_coco_maskrcnn_1x_*.py.
"""

_base_ = 'mask_rcnn.py'
model = dict(
    backbone=dict(image_size=(800, 1344), levels=[3, 5, 7, 11], four_levels=True),
    roi_head=dict(
        bbox_head=dict(
            type='Shared4Conv1FCBBoxHead',
            conv_out_channels=256,
            norm_cfg=dict(type='BN'),
            reg_decoded_bbox=True,
            loss_bbox=dict(_delete_=True, type='GIoULoss', loss_weight=10.0),
        )
    ),
    train_cfg=dict(rpn_proposal=dict(max_per_img=2000), rcnn=dict(assigner=dict(match_low_quality=True))),
)

"""COCO with large-scale jitter: flip, scale 0.1 to 2 of 1024, crop to 1024 at most; tests at a longer side of 1024.

The model pads to 1024 after normalisation. A crop without objects is trained on.
Source: detectron2 `projects/ViTDet/configs/common/coco_loader_lsj.py`.
"""

_base_ = 'coco.py'
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomResize', scale=(1024, 1024), ratio_range=(0.1, 2.0), keep_ratio=True),
            dict(
                type='RandomCrop',
                crop_type='absolute',
                crop_size=(1024, 1024),
                recompute_bbox=True,
                allow_negative_crop=True,
            ),
            dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-2, 1e-2), keep_empty=False),
            dict(type='PackDetInputs'),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(1024, 1024), keep_ratio=True),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
        ]
    )
)

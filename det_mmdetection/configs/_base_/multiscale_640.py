"""COCO with flips and a shorter side of 640 to 800 in steps of 32 (longer 1333); tests at 800 (1333).

Source: facebookresearch/moco `detection/configs/coco_R_50_FPN_2x.yaml` over detectron2's Base-RCNN-FPN.
"""

_base_ = 'coco.py'
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='RandomChoiceResize', scales=[(side, 1333) for side in range(640, 801, 32)], keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackDetInputs'),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(1333, 800), keep_ratio=True),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
        ]
    )
)

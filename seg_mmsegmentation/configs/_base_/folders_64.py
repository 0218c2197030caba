"""A plain folder of images and masks, around 64 pixels; `--data` says where it lies.

Masks are PNG files with a class index in every pixel, their classes in `classes.txt`.
"""

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        type='MaskFolder',
        data_root='runs/demo/data/segmentation/train',
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadLabels'),
            dict(type='RandomResize', scale=(256, 64), ratio_range=(0.75, 1.5), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(64, 64), cat_max_ratio=0.9),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PhotoMetricDistortion'),
            dict(type='PackSegInputs'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        type='MaskFolder',
        data_root='runs/demo/data/segmentation/val',
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(256, 64), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackSegInputs'),
        ],
    ),
)

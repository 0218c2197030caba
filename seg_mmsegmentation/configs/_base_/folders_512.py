"""Plain folders of images and masks, crops of 512; `--data` says where they lie.

Not a published protocol: sizes and augmentation are those of ADE20K.
"""

train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='MaskFolder',
        data_root='data/segmentation/train',
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadLabels'),
            dict(type='RandomResize', scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PhotoMetricDistortion'),
            dict(type='PackSegInputs'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    dataset=dict(
        type='MaskFolder',
        data_root='data/segmentation/val',
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(2048, 512), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackSegInputs'),
        ],
    ),
)

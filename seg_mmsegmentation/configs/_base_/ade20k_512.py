"""ADE20K (SceneParse150) in data/ade/ADEChallengeData2016: 150 classes, label 0 left out; crops of 512.

The shorter side is resized to 512, times 0.5 to 2 in training.
Source: MMSegmentation `configs/_base_/datasets/ade20k.py`.
"""

train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='ADE20KDataset',
        data_root='data/ade/ADEChallengeData2016',
        data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
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
        type='ADE20KDataset',
        data_root='data/ade/ADEChallengeData2016',
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(2048, 512), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackSegInputs'),
        ],
    ),
)

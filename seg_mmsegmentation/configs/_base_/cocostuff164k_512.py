"""COCO-Stuff 164k in data/coco_stuff164k: 171 classes as `*_labelTrainIds.png`; crops of 512.

Source: MMSegmentation `configs/_base_/datasets/coco-stuff164k.py`.
"""

train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='COCOStuffDataset',
        data_root='data/coco_stuff164k',
        data_prefix=dict(img_path='images/train2017', seg_map_path='annotations/train2017'),
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
        type='COCOStuffDataset',
        data_root='data/coco_stuff164k',
        data_prefix=dict(img_path='images/val2017', seg_map_path='annotations/val2017'),
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(2048, 512), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackSegInputs'),
        ],
    ),
)

"""Pascal VOC 2012 in data/VOCdevkit/VOC2012: 21 classes with the background, 1,464 training images; crops of 512.

Source: MMSegmentation `configs/_base_/datasets/pascal_voc12.py`.
"""

train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='PascalVOCDataset',
        data_root='data/VOCdevkit/VOC2012',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/train.txt',
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
        type='PascalVOCDataset',
        data_root='data/VOCdevkit/VOC2012',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(2048, 512), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackSegInputs'),
        ],
    ),
)

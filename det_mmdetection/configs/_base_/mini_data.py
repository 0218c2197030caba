"""Detection data of one's own for a CPU: jitter around 64 pixels; `--data` says where it lies."""

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        type='InstanceDataset',
        data_root='runs/demo/scenes',
        ann_file='annotations/instances_train.json',
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomResize', scale=(64, 64), ratio_range=(0.6, 1.4), keep_ratio=True),
            dict(
                type='RandomCrop',
                crop_type='absolute',
                crop_size=(64, 64),
                recompute_bbox=True,
                allow_negative_crop=True,
            ),
            dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-2, 1e-2), keep_empty=False),
            dict(type='PackDetInputs'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        type='InstanceDataset',
        data_root='runs/demo/scenes',
        ann_file='annotations/instances_val.json',
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(64, 64), keep_ratio=True),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
        ],
    ),
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

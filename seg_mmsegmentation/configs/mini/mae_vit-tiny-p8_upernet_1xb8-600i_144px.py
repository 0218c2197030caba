"""UPerNet for a few hundred images on a CPU: crops of 96 at a shorter side of 144, a ViT of 2.8 million parameters.

Command: mimbench transfer seg_mmsegmentation/configs/mini/mae_vit-tiny-p8_upernet_1xb8-600i_144px.py
    --checkpoint FILE --data FOLDER --work-dir DIR
Measured with it: the table in seg_mmsegmentation/README.md.
"""

_base_ = ['../_base_/runtime.py', '../_base_/folders_64.py', '../_base_/mini_upernet.py', '../_base_/mini_200i.py']
recipe = dict(method='MAE')
protocol = dict(id='segmentation-mini-upernet-144px', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(
    data_preprocessor=dict(size=(96, 96)),
    backbone=dict(
        image_size=96,
        arch_args=dict(patch_size=8, embed_dim=192, num_heads=3),
        position='sincos-xy',
        tables='zero',
        layer_scale=1.0,
        four_levels=True,
    ),
    test_cfg=dict(crop_size=(96, 96), stride=(64, 64)),
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadLabels'),
            dict(type='RandomResize', scale=(576, 144), ratio_range=(0.75, 1.5), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(96, 96), cat_max_ratio=0.9),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PhotoMetricDistortion'),
            dict(type='PackSegInputs'),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(576, 144), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackSegInputs'),
        ]
    )
)
train_cfg = dict(iterations=600)
param_scheduler = dict(warmup=60)
default_hooks = dict(save=dict(interval=300))
custom_hooks = [dict(type='EvalHook', interval=300, by_epoch=False)]

"""ViTDet for a few hundred images on a CPU: 192 pixels, a ViT of 2.8 million parameters with patches of 8, 10 epochs.

Command: mimbench transfer det_mmdetection/configs/mini/mae_vit-tiny-p8_vitdet-mask_1xb8-10e_192px.py
    --checkpoint FILE --data FOLDER --work-dir DIR
Measured with it: the table in det_mmdetection/README.md.
"""

_base_ = ['../_base_/mini_vitdet_mask.py', '../_base_/mini_data.py', '../_base_/mini_12e.py']
recipe = dict(method='MAE', epochs=10)
protocol = dict(id='detection-mini-192px-10e')
model = dict(
    backbone=dict(image_size=192, arch_args=dict(patch_size=8, embed_dim=192, num_heads=3), global_blocks=[5]),
    neck=dict(scales=(2, 1, 0.5)),
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomResize', scale=(256, 256), ratio_range=(0.7, 1.4), keep_ratio=True),
            dict(
                type='RandomCrop',
                crop_type='absolute',
                crop_size=(192, 192),
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
            dict(type='Resize', scale=(256, 256), keep_ratio=True),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
        ]
    )
)
train_cfg = dict(epochs=10)
default_hooks = dict(save=dict(interval=5))
custom_hooks = [dict(type='EvalHook', interval=5)]

"""MaskPoint, ShapeNet-55, 300 epochs, batch 128: real or fake points, told from 10 % of 64 groups.

Command: mimbench pretrain pointcloud/configs/maskpoint_vit-small_dec384x1_1xb128-300e_shapenet55.py --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: MaskPoint cfgs/pretrain_shapenet.yaml, tools/builder.py: 5e-4, clipping at 10, 3
epochs of warm-up, decoder of one block, 256 and 256 queries, focal loss 0.25 and 2, one mask for all clouds of a batch.
It trained on ShapeNet-55's train and test parts together.
Published: fine-tuned ModelNet40 93.8 (MaskPoint README, votes not stated), ScanObjectNN PB-T50-RS 84.6.
"""

_base_ = ['_base_/shapenet55_1k.py', '_base_/adamw_300e.py']
recipe = dict(method='MaskPoint', epochs=300, data='ShapeNet-55 train+test')
model = dict(
    type='DiscriminatedPoints',
    num_points=1024,
    real=256,
    fake=256,
    masking=dict(type='RandomMasking', ratio=0.9, rounding='floor(hidden)', shared=True),
    encoder=dict(
        type='PointEncoder',
        arch='point_small',
        masked='drop',
        class_token=True,
        group_width=256,
        drop_path_rate=0.1,
    ),
    head=dict(type='PointDiscriminator', depth=1, heads=6),
)
train_dataloader = dict(
    batch_size=128,
    dataset=dict(source=dict(file='data/ShapeNet55-34/ShapeNet-55/train.txt,data/ShapeNet55-34/ShapeNet-55/test.txt')),
)
optim_wrapper = dict(
    clip_grad=dict(max_norm=10.0), optimizer=dict(lr=5e-4), paramwise_cfg=dict(no_decay=['1d', '*.cls_token'])
)
param_scheduler = dict(warmup=3, start=2e-3, end=2e-3)

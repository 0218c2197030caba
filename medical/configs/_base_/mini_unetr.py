"""UNETR on small volumes on a CPU: crops and windows of 32 voxels, patches of 8, feature size 8."""

custom_imports = dict(imports=['medical'])
task = dict(type='SegmentVolumes')
protocol = dict(id='volumes-mini-unetr-32', version=1, metric='dice', higher_is_better=True, init_stage='mim')
model = dict(
    type='VolumeSegmenter',
    image_size=(32, 32, 32),
    channels=1,
    mean=(0.253,),
    std=(0.245,),
    taps=(1, 2),
    feature_size=8,
    encoder=dict(
        arch='vit3d_tiny_patch16',
        arch_args=dict(patch_size=(8, 8, 8), embed_dim=96, depth=4, num_heads=4),
        position='sincos-3d',
    ),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(
        type='VolumeDataset',
        source=dict(type='CaseList', file='runs/demo/volumes/dataset.json', part='training'),
        labels=True,
        prepare=dict(type='PrepareVolume', orientation='RAS', window=(-175, 250)),
        crop=dict(
            type='CropVolume',
            size=(32, 32, 32),
            positive=1,
            negative=1,
            flip=0.2,
            rotate90=0.2,
            scale=(0.1, 0.1),
            shift=(0.1, 0.1),
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    dataset=dict(
        type='VolumeDataset',
        source=dict(type='CaseList', file='runs/demo/volumes/dataset.json', part='validation'),
        labels=True,
        prepare=dict(type='PrepareVolume', orientation='RAS', window=(-175, 250)),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=4, epochs=20)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=5.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens'], layer_decay=0.75),
)
param_scheduler = dict(type='WarmupCosine', warmup=2)
default_hooks = dict(save=dict(interval=10), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=10)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

"""Action recognition on small clips on a CPU: 8 frames of 32 pixels, batch 16, 20 epochs, tested with 2 x 1 views."""

custom_imports = dict(imports=['video'])
task = dict(type='ClassifyClips')
protocol = dict(id='video-mini-finetune-8x32px', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(
    type='ClipClassifier',
    image_size=(8, 32, 32),
    head='mean',
    smoothing=0.1,
    encoder=dict(
        arch='vit3d_tiny_patch16',
        arch_args=dict(patch_size=(2, 8, 8), embed_dim=128, depth=6, num_heads=4, class_token=False),
        position='sincos-1d',
        drop_path_rate=0.1,
    ),
)
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(
        type='ClipDataset',
        labels=True,
        source=dict(type='ClipFolder', root='runs/demo/clips/train'),
        sampling=dict(type='DenseSampling', frames=8, stride=2, spacing='linspace'),
        transform=dict(type='ClipFinetune', size=32, area=(0.5, 1.0), flip=0.0),
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(
        type='ClipDataset',
        labels=True,
        source=dict(type='ClipFolder', root='runs/demo/clips/val'),
        sampling=dict(type='DenseSampling', frames=8, stride=2, clips=2),
        transform=dict(type='ClipViews', resize=32),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=16, epochs=20)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=5.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens'], layer_decay=0.75),
)
param_scheduler = dict(type='WarmupCosine', warmup=2, end=1e-3)
default_hooks = dict(save=dict(interval=10), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=10)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

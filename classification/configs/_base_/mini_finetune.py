"""Fine-tuning on small images on a CPU: 32 pixels, batch 128, 20 epochs, mixup 0.2, layer decay 0.75."""

custom_imports = dict(imports=['classification'])
task = dict(type='Classify')
protocol = dict(
    id='classification-mini-finetune-32px', version=1, metric='top1', higher_is_better=True, init_stage='mim'
)
model = dict(
    type='Classifier',
    image_size=32,
    encoder=dict(
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=4, embed_dim=128, depth=6, num_heads=4),
        position='sincos-xy',
        drop_path_rate=0.1,
    ),
    smoothing=0.1,
    mixup=0.2,
    cutmix=0.2,
)
train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='runs/demo/data/train', layout='classes'),
        transform=dict(type='PretrainAugment', size=32, scale=(0.35, 1.0), interpolation='bicubic'),
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        source=dict(type='FolderSource', root='runs/demo/data/val', layout='classes'),
        transform=dict(type='EvalAugment', resize=32, crop=32),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=20)
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

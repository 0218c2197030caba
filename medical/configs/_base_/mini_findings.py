"""Fine-tuning on small grey images on a CPU: 28 pixels, batch 128, 10 epochs, AUC and accuracy as MedMNIST's."""

custom_imports = dict(imports=['medical'])
task = dict(type='ClassifyFindings')
protocol = dict(id='images-mini-finetune-28px', version=1, metric='auc', higher_is_better=True, init_stage='mim')
model = dict(
    type='FindingClassifier',
    image_size=28,
    channels=1,
    mean=(0.572,),
    std=(0.168,),
    encoder=dict(
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=4, embed_dim=96, depth=4, num_heads=4),
        position='sincos-xy',
    ),
)
train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        channels=1,
        source=dict(type='FindingArray', file='runs/demo/xray.npz', part='train'),
        transform=dict(type='PretrainAugment', size=28, scale=(0.7, 1.0), interpolation='bicubic'),
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        channels=1,
        source=dict(type='FindingArray', file='runs/demo/xray.npz', part='val'),
        transform=dict(type='EvalAugment', resize=28, crop=28),
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=10)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=5.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens'], layer_decay=0.75),
)
param_scheduler = dict(type='WarmupCosine', warmup=1, end=1e-3)
default_hooks = dict(save=dict(interval=10), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=5)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

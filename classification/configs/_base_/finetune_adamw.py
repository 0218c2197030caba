"""What the AdamW fine-tuning recipes share: RandAugment, erasing, mixup 0.8, CutMix 1.0, smoothing 0.1, decay 0.05.

Source: facebookresearch/mae main_finetune.py, microsoft/unilm beit run_class_finetuning.py, microsoft/SimMIM config.py
and data. Their colour jitter of 0.4 has no effect: timm leaves it out beside RandAugment.
"""

_base_ = './imagenet.py'
task = dict(type='Classify')
model = dict(
    type='Classifier',
    image_size=224,
    pool='mean',
    head_std=2e-5,
    smoothing=0.1,
    mixup=0.8,
    cutmix=1.0,
    erase=0.25,
    encoder=dict(drop_path_rate=0.1),
)
train_dataloader = dict(
    dataset=dict(transform=dict(type='FinetuneAugment', size=224, rand_augment='rand-m9-mstd0.5-inc1'))
)
train_cfg = dict(type='TrainLoop', effective_batch=1024, epochs=100)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens'], layer_decay=0.65),
)
default_hooks = dict(save=dict(interval=5), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=10)]

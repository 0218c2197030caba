"""A2MIM fine-tuning of ResNet-50 with recipe A2 of "ResNet strikes back", ImageNet-1k, 300 epochs, LAMB, batch 2048.

Command: tools/dist_train.sh transfer classification/configs/a2mim_resnet50_ft-a2_8xb256-300e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 24 GB or more.
Published: top-1 80.4 after 300 epochs of pre-training (Westlake-AI/A2MIM README).
Source: Westlake-AI/openmixup configs/benchmarks/classification/imagenet/r50_rsb_a2_ft_sz224_8xb256_cos_fp16_ep300.py.
Approximation of it: no repeated augmentation, and the average of the weights is not warmed up.
"""

_base_ = '_base_/imagenet.py'
recipe = dict(method='A2MIM', epochs=300, published=dict(top1=0.804), source='Westlake-AI/A2MIM README')
protocol = dict(id='in1k-finetune-rsb-a2', version=1, metric='top1', higher_is_better=True, init_stage='mim')
task = dict(type='Classify')
model = dict(
    type='Classifier',
    image_size=224,
    pool='gap',
    head_std=0.01,
    loss='bce',
    mixup=0.1,
    cutmix=1.0,
    ema=0.9999,
    encoder=dict(arch='resnet50', drop_path_rate=0.05),
)
train_dataloader = dict(
    batch_size=256,
    dataset=dict(transform=dict(type='FinetuneAugment', size=224, rand_augment='rand-m7-mstd0.5-inc1')),
)
val_dataloader = dict(dataset=dict(transform=dict(resize=236)))
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=300)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='Lamb', lr=5e-3, weight_decay=0.02),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-5, end=1e-6 / 5e-3, rebase=False)
default_hooks = dict(save=dict(interval=5), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=10)]
sync_bn = 'torch'

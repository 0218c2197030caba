"""MaskFeat ViT-B/16 (HOG), ImageNet-1k, 300 epochs, batch 2048, gradients clipped at 0.02.

Command: tools/dist_train.sh pretrain pretrain/configs/maskfeat_vit-base-p16_linear_8xb256-300e_in1k.py 8
Published: fine-tuned top-1 83.6 after 300 epochs (quoted in the ConvMAE README), 84.0 after 1600 (SlowFast).
Source: facebookresearch/SlowFast configs/masked_ssl/in1k_VIT_B_MaskFeat_PT.yaml. The head brings its own norm; the
encoder has none. Positions and cls token decay there (ZERO_DECAY_POS_CLS False).
"""

_base_ = '_base_/imagenet.py'
recipe = dict(method='MaskFeat', epochs=300, data='ImageNet-1k')
model = dict(
    type='MaskedModel',
    masking=dict(type='BlockMasking', count=78, min_block=15),
    encoder=dict(type='ViTEncoder', arch='vit_base_patch16_224', masked='token', position='learned', final_norm=False),
    head=dict(type='LinearHead', norm=True),
    target=dict(type='HOG', bins=9, cell=8),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(batch_size=256, dataset=dict(transform=dict(scale=(0.5, 1.0))))
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=300)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=0.02),
    optimizer=dict(type='AdamW', lr=dict(base=2e-4, per=256), betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=30, start=1e-6 / 1.6e-3, end=1e-6 / 1.6e-3)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=20))

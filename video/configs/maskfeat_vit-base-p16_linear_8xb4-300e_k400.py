"""MaskFeat on video with a plain ViT-B/16, Kinetics-400, 300 epochs, batch 32: an approximation.

Command: tools/dist_train.sh pretrain video/configs/maskfeat_vit-base-p16_linear_8xb4-300e_k400.py 8
Hardware: 8 GPUs.
Published: none for a plain ViT; fine-tuned MViTv2-S 82.2, MViTv2-L 84.3 (800 epochs), 1 x 10 views (SlowFast
    MODEL_ZOO).
What is MaskFeat's: cubes of .4, a mask token in the encoder, histograms of gradients (9 bins, cells of 8, RGB) of every
second frame, 1e-4 for each 32 clips, warm-up of 10 epochs, clipping at .02, no decay of one-dimensional tensors.
What is not: the network, and the order in which cubes are drawn. Betas, weight decay .05 and the final lr 1e-6 are
those of MaskFeat on images.
"""

_base_ = ['_base_/k400.py']
recipe = dict(method='MaskFeat', epochs=300, data='Kinetics-400')
model = dict(
    type='MaskedModel',
    image_size=(16, 224, 224),
    masking=dict(type='CubeMasking', ratio=0.4),
    encoder=dict(type='ViTEncoder', arch='vit3d_base_patch16', masked='token', position='separable', final_norm=False),
    head=dict(type='LinearHead', norm=True),
    target=dict(type='HOG'),
    loss=dict(type='MSE', on='masked'),
)
train_cfg = dict(type='TrainLoop', effective_batch=32, epochs=300)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        sampling=dict(type='DenseSampling', frames=16, stride=4),
        transform=dict(type='ClipPretrain', size=224, crop='resized', area=(0.5, 1.0), flip=0.5),
    ),
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=0.02),
    optimizer=dict(type='AdamW', lr=dict(base=1e-4, per=32), betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine', warmup=10, end=1e-2)
default_hooks = dict(save=dict(interval=10), pictures=None)

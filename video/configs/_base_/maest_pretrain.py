"""MAE-ST: 16 frames of 224 pixels, 4 apart, random tokens of .9, separable positions, 8 frames predicted.

Source: facebookresearch/mae_st and SlowFast's configs: decoder 512 wide with 16 heads, patch-normalised pixels over all
channels, random resized crop of an area of .5 to 1 and mirroring, 4 clips of each video (repeated sampling), AdamW
with betas (.9, .95), weight decay .05, lr 1.6e-3 x batch / 256, gradients clipped at .02. Each clip has its own window,
and lr does not count them (main_pretrain.py). A batch of 512 videos is from memory of the paper and unverified: an
approximation.
"""

_base_ = './k400.py'
model = dict(
    type='MaskedModel',
    image_size=(16, 224, 224),
    masking=dict(type='RandomMasking', ratio=0.9),
    encoder=dict(type='ViTEncoder', class_token=True, masked='drop', position='separable', init='xavier'),
    head=dict(type='TransformerDecoder', width=512, depth=4, heads=16, position='learned'),
    target=dict(type='Pixels', normalise='patch', frames=8),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    dataset=dict(
        repeats=4,
        sampling=dict(type='DenseSampling', frames=16, stride=4),
        transform=dict(type='ClipPretrain', size=224, crop='resized', area=(0.5, 1.0), flip=0.5),
    )
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=0.02),
    optimizer=dict(type='AdamW', lr=dict(base=1.6e-3, per=256), betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
default_hooks = dict(save=dict(interval=10), pictures=dict(interval=20))

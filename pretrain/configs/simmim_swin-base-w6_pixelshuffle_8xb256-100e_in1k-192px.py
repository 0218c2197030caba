"""SimMIM Swin-B, windows of 6, 192 pixels, ImageNet-1k, 100 epochs, batch 2048.

Command: tools/dist_train.sh pretrain pretrain/configs/simmim_swin-base-w6_pixelshuffle_8xb256-100e_in1k-192px.py 8
Published: fine-tuned top-1 82.8 at 192 pixels, 83.5 at 224 with windows of 7 (microsoft/SimMIM README).
"""

_base_ = ['_base_/imagenet.py', '_base_/simmim_adamw.py']
recipe = dict(method='SimMIM', epochs=100, data='ImageNet-1k')
model = dict(
    type='MaskedModel',
    image_size=192,
    masking=dict(type='RandomMasking', ratio=0.6, unit=32, rounding='ceil(hidden)'),
    encoder=dict(type='SwinEncoder', arch='swin_base_patch4_window7_224', window_size=6, drop_path_rate=0.0),
    head=dict(type='PixelShuffleHead'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)
train_dataloader = dict(
    batch_size=256, dataset=dict(transform=dict(size=192, scale=(0.67, 1.0), interpolation='bilinear'))
)
train_cfg = dict(epochs=100)
optim_wrapper = dict(
    optimizer=dict(lr=dict(base=2e-4)),
    paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.relative_position_bias_table']),
)
param_scheduler = dict(type='WarmupCosine', warmup=10, start=1e-6 / 2e-4, end=1e-5 / 2e-4, rebase=False)

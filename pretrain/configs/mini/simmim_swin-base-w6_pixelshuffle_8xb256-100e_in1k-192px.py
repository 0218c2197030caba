"""SimMIM on a small Swin: width 32, three stages, windows of 4, patches of 2 and units of 8 on 32 pixels, batch 128.

Command: mimbench pretrain pretrain/configs/mini/simmim_swin-base-w6_pixelshuffle_8xb256-100e_in1k-192px.py \\
             --data FOLDER
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_adamw.py']
recipe = dict(method='SimMIM', epochs=20)
model = dict(
    type='MaskedModel',
    image_size=32,
    masking=dict(type='RandomMasking', ratio=0.6, unit=8, rounding='ceil(hidden)'),
    encoder=dict(
        type='SwinEncoder',
        arch='swin_tiny_patch4_window7_224',
        patch_size=2,
        embed_dim=32,
        depths=(2, 2, 4),
        num_heads=(2, 4, 8),
        window_size=4,
    ),
    head=dict(type='PixelShuffleHead'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)
train_dataloader = dict(dataset=dict(transform=dict(scale=(0.67, 1.0), interpolation='bilinear')))

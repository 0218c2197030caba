"""SimMIM ViT-B/16, ImageNet-1k, 800 epochs, batch 2048, learning rate x 0.1 at epoch 700.

Command: tools/dist_train.sh pretrain pretrain/configs/simmim_vit-base-p16_pixelshuffle_8xb256-800e_in1k.py 8
Cost: about 105 GFLOP an image forward and backward (calculated).
Published: fine-tuned top-1 83.8 (microsoft/SimMIM README).
"""

_base_ = ['_base_/imagenet.py', '_base_/simmim_adamw.py']
recipe = dict(method='SimMIM', epochs=800, data='ImageNet-1k')
model = dict(
    type='MaskedModel',
    masking=dict(type='RandomMasking', ratio=0.6, unit=32, rounding='ceil(hidden)'),
    encoder=dict(
        type='ViTEncoder',
        arch='beit_base_patch16_224',
        masked='token',
        position='relative',
        use_abs_pos_emb=False,
        use_shared_rel_pos_bias=True,
        use_rel_pos_bias=False,
        init_values=0.1,
        drop_path_rate=0.1,
    ),
    head=dict(type='PixelShuffleHead'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)
train_dataloader = dict(batch_size=256, dataset=dict(transform=dict(scale=(0.67, 1.0), interpolation='bilinear')))
train_cfg = dict(epochs=800)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.cls_token']))
param_scheduler = dict(type='WarmupSteps', milestones=[700], warmup=10, start=5e-7 / 1e-4)

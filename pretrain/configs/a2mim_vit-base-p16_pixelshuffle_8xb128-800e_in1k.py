"""A2MIM ViT-B/16, ImageNet-1k, 800 epochs, batch 2048 (8 x 128, 2 accumulated), learning rate x 0.1 at epoch 700.

Command: tools/dist_train.sh pretrain pretrain/configs/a2mim_vit-base-p16_pixelshuffle_8xb128-800e_in1k.py 8
Published: fine-tuned top-1 84.2 (A2MIM README; 84.3 in its detail table).
Source: Westlake-AI/openmixup configs/selfsup/a2mim/imagenet/vit_base_l0_sz224_8xb128_accu2_step_ep800.py and
models/backbones/vision_transformer.py: learned positions and a relative table in every block. Weight of the spectrum as
in the paper's ViT setting, 0.1.
"""

_base_ = ['_base_/imagenet.py', '_base_/simmim_adamw.py']
recipe = dict(method='A2MIM', epochs=800, data='ImageNet-1k')
model = dict(
    type='MaskedModel',
    masking=dict(type='RandomMasking', ratio=0.6, unit=32, rounding='ceil(hidden)'),
    encoder=dict(
        type='ViTEncoder',
        arch='beit_base_patch16_224',
        masked='stage',
        fill='mean',
        position='learned',
        use_abs_pos_emb=True,
        use_rel_pos_bias=True,
        init_values=0.1,
        drop_path_rate=0.1,
    ),
    head=dict(type='PixelShuffleHead'),
    target=[dict(type='Pixels', normalise='none'), dict(type='Spectrum', visible='mixed')],
    loss=[dict(type='L1', on='masked'), dict(type='FocalFrequency', weight=0.1)],
)
train_dataloader = dict(batch_size=128, dataset=dict(transform=dict(scale=(0.67, 1.0), interpolation='bilinear')))
train_cfg = dict(epochs=800)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.cls_token', '*.pos_embed']))
param_scheduler = dict(type='WarmupSteps', milestones=[700], warmup=10, start=2e-6)

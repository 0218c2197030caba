"""SimMIM in mini size: ViT 128 x 6 with shared relative positions, patches of 4, units of 8 on 32 pixels, batch 128.

Command: mimbench pretrain pretrain/configs/mini/simmim_vit-base-p16_pixelshuffle_8xb256-800e_in1k.py --data FOLDER
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_vit.py', '../_base_/mini_adamw.py']
recipe = dict(method='SimMIM', epochs=20)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.6, unit=8, rounding='ceil(hidden)'),
    encoder=dict(
        arch='beit_base_patch16_224',
        masked='token',
        position='relative',
        use_abs_pos_emb=False,
        use_shared_rel_pos_bias=True,
        use_rel_pos_bias=False,
        init_values=0.1,
    ),
    head=dict(type='PixelShuffleHead'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)
train_dataloader = dict(dataset=dict(transform=dict(scale=(0.67, 1.0), interpolation='bilinear')))

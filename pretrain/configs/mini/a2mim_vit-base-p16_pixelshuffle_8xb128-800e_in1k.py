"""A2MIM in mini size: ViT 128 x 6, learned and relative positions, patches of 4, units of 8 on 32 pixels, batch 128.

Command: mimbench pretrain pretrain/configs/mini/a2mim_vit-base-p16_pixelshuffle_8xb128-800e_in1k.py --data FOLDER
"""

_base_ = 'simmim_vit-base-p16_pixelshuffle_8xb256-800e_in1k.py'
recipe = dict(method='A2MIM')
model = dict(
    encoder=dict(
        masked='stage',
        fill='mean',
        position='learned',
        use_abs_pos_emb=True,
        use_shared_rel_pos_bias=False,
        use_rel_pos_bias=True,
    ),
    target=[dict(type='Pixels', normalise='none'), dict(type='Spectrum', visible='mixed')],
    loss=[dict(type='L1', on='masked'), dict(type='FocalFrequency', weight=0.1)],
)

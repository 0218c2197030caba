"""VideoMAE in mini size: tubes of .75 on 8 frames of 48 pixels, decoder 64 x 2, batch 32.

Command: mimbench pretrain video/configs/mini/videomae_vit-base-p16_dec384x4_64xb32-1600e_k400.py --data FOLDER
"""

_base_ = ['../_base_/mini_pretrain.py']
recipe = dict(method='VideoMAE', epochs=20)
model = dict(
    masking=dict(type='TubeMasking', ratio=0.75),
    encoder=dict(class_token=False, masked='drop', position='sincos-1d', init='xavier'),
    head=dict(
        type='TransformerDecoder', width=64, depth=2, heads=4, position='sincos-1d', bias=False, masked_only=True
    ),
    target=dict(type='Pixels', normalise='patch-channel-unbiased'),
    loss=dict(type='MSE', on='masked'),
)

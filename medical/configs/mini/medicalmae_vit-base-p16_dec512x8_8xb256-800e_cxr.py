"""medical_mae on grey images in mini size: ViT 96 x 4, patches of 4 on 28 pixels, 45 of 49 hidden.

Command: mimbench pretrain medical/configs/mini/medicalmae_vit-base-p16_dec512x8_8xb256-800e_cxr.py --data FILE.npz
"""

_base_ = '../_base_/mini_images.py'
recipe = dict(method='medical_mae', epochs=20)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.9),
    encoder=dict(masked='drop', position='sincos-xy', init='xavier'),
    head=dict(type='TransformerDecoder', width=48, depth=2, heads=4),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='MSE', on='masked'),
)

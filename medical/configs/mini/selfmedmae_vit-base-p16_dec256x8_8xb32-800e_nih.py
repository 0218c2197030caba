"""SelfMedMAE on grey images in mini size: ViT 96 x 4, patches of 4 on 28 pixels, 37 of 49 hidden.

Command: mimbench pretrain medical/configs/mini/selfmedmae_vit-base-p16_dec256x8_8xb32-800e_nih.py --data FILE.npz
"""

_base_ = '../_base_/mini_images.py'
recipe = dict(method='SelfMedMAE', epochs=20)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(masked='drop', position='sincos-xy', init='xavier'),
    head=dict(type='TransformerDecoder', width=48, depth=2, heads=4),
    target=dict(type='Pixels', normalise='patch'),
    loss=dict(type='MSE', on='masked'),
)

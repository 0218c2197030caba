"""MAE in mini size: ViT 128 x 6, patches of 4 on 32 pixels, decoder 64 x 2, batch 128.

Command: mimbench pretrain pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py --data FOLDER
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_vit.py', '../_base_/mini_adamw.py']
recipe = dict(method='MAE', epochs=20)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(masked='drop', position='sincos-xy', init='xavier'),
    head=dict(type='TransformerDecoder', width=64, depth=2, heads=4),
    target=dict(type='Pixels', normalise='patch'),
    loss=dict(type='MSE', on='masked'),
)

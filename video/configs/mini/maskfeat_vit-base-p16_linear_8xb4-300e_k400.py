"""MaskFeat on video in mini size: cubes of .4, histograms of gradients in cells of 8.

Command: mimbench pretrain video/configs/mini/maskfeat_vit-base-p16_linear_8xb4-300e_k400.py --data FOLDER
"""

_base_ = ['../_base_/mini_pretrain.py']
recipe = dict(method='MaskFeat', epochs=20)
model = dict(
    masking=dict(type='CubeMasking', ratio=0.4),
    encoder=dict(masked='token', position='separable', final_norm=False),
    head=dict(type='LinearHead', norm=True),
    target=dict(type='HOG'),
    loss=dict(type='MSE', on='masked'),
)

"""MaskFeat in mini size: ViT 128 x 6, patches of 4, HOG cells of 4 on 32 pixels, batch 128.

Command: mimbench pretrain pretrain/configs/mini/maskfeat_vit-base-p16_linear_8xb256-300e_in1k.py --data FOLDER
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_vit.py', '../_base_/mini_adamw.py']
recipe = dict(method='MaskFeat', epochs=20)
model = dict(
    masking=dict(type='BlockMasking', count=26, min_block=5),
    encoder=dict(masked='token', position='learned', final_norm=False),
    head=dict(type='LinearHead', norm=True),
    target=dict(type='HOG', bins=9, cell=4),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(dataset=dict(transform=dict(scale=(0.5, 1.0))))

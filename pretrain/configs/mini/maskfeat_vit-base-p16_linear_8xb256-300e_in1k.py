"""MaskFeat in mini size: ViT 192 x 8, patches of 4, HOG cells of 4 on 64 pixels, batch 64.

Command: mimbench pretrain pretrain/configs/mini/maskfeat_vit-base-p16_linear_8xb256-300e_in1k.py --data FOLDER
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_vit.py', '../_base_/mini_adamw.py']
recipe = dict(method='MaskFeat', epochs=20)
model = dict(
    masking=dict(type='BlockMasking', count=102, min_block=20),
    encoder=dict(masked='token', position='learned', final_norm=False),
    head=dict(type='LinearHead', norm=True),
    target=dict(type='HOG', bins=9, cell=4),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(dataset=dict(transform=dict(scale=(0.5, 1.0))))

"""MAE in mini size with a deeper encoder: ViT 128 x 8, for what is ViT-L in the published recipe.

Command: mimbench pretrain pretrain/configs/mini/mae_vit-large-p16_dec512x8_8xb128-800e_in1k.py --data FOLDER
"""

_base_ = 'mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
model = dict(encoder=dict(depth=8))

"""MaskFeat in mini size with ViT 128 x 8, for the published ViT-L.

Command: mimbench pretrain pretrain/configs/mini/maskfeat_vit-large-p16_linear_8xb64-300e_in1k.py --data FOLDER
"""

_base_ = 'maskfeat_vit-base-p16_linear_8xb256-300e_in1k.py'
model = dict(encoder=dict(depth=8))

"""A2MIM in mini size with a narrower encoder: ViT 64 x 6, for the published ViT-S.

Command: mimbench pretrain pretrain/configs/mini/a2mim_vit-small-p16_pixelshuffle_8xb256-800e_in1k.py --data FOLDER
"""

_base_ = 'a2mim_vit-base-p16_pixelshuffle_8xb128-800e_in1k.py'
model = dict(encoder=dict(embed_dim=64))

"""BEiT in mini size with ViT 128 x 8 and LayerScale from 1e-5, for the published ViT-L.

Command: mimbench pretrain pretrain/configs/mini/beit_vit-large-p16_linear_8xb64-800e_in1k.py --data FOLDER
"""

_base_ = 'beit_vit-base-p16_linear_8xb256-800e_in1k.py'
model = dict(encoder=dict(depth=8, init_values=1e-5))

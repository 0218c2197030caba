"""MAE in mini size with a deep encoder that recomputes activations: ViT 128 x 10, for the published ViT-H.

Command: mimbench pretrain pretrain/configs/mini/mae_vit-huge-p14_dec512x8_8xb64-800e_in1k.py --data FOLDER
"""

_base_ = 'mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
model = dict(encoder=dict(depth=10, checkpointing=True))

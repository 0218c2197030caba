"""MAE-ST in mini size (ViT-L): two clips of each video, batch 16.

Command: mimbench pretrain video/configs/mini/maest_vit-large-p16_dec512x4_64xb8-400e_k400.py --data FOLDER
"""

_base_ = '../_base_/mini_maest.py'
recipe = dict(method='MAE-ST', epochs=20)

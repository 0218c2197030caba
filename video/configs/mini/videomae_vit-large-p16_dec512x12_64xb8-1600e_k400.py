"""VideoMAE in mini size (k400, ViT-L): tubes of .75 on 8 frames of 32 pixels, decoder 64 x 2, batch 32.

Command: mimbench pretrain video/configs/mini/videomae_vit-large-p16_dec512x12_64xb8-1600e_k400.py --data FOLDER
"""

_base_ = '../_base_/mini_videomae.py'
recipe = dict(method='VideoMAE', epochs=20)

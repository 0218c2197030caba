"""VideoMAE in mini size (ssv2, ViT-S): tubes of .75 on 8 frames of 32 pixels, decoder 64 x 2, batch 32.

Command: mimbench pretrain video/configs/mini/videomae_vit-small-p16_dec192x4_64xb32-2400e_ssv2.py --data FOLDER
"""

_base_ = '../_base_/mini_videomae.py'
recipe = dict(method='VideoMAE', epochs=20)

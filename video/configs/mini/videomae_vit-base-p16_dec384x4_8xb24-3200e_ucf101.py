"""VideoMAE in mini size (ucf101, ViT-B): tubes of .75 on 8 frames of 32 pixels, decoder 64 x 2, batch 32.

Command: mimbench pretrain video/configs/mini/videomae_vit-base-p16_dec384x4_8xb24-3200e_ucf101.py --data FOLDER
"""

_base_ = '../_base_/mini_videomae.py'
recipe = dict(method='VideoMAE', epochs=20)

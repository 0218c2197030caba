"""VideoMAE v2 in mini size: tubes of .75, half of the hidden tokens in the decoder, two clips of each video, batch 16.

Command: mimbench pretrain video/configs/mini/videomae2_vit-giant-p14_dec512x4_64xb32-300e_hybrid.py --data FOLDER
"""

_base_ = '../_base_/mini_videomae.py'
recipe = dict(method='VideoMAE v2', epochs=20)
model = dict(masking=dict(_delete_=True, type='RunningCellMasking', ratio=0.75, decoder=0.5))
train_dataloader = dict(batch_size=16, dataset=dict(repeats=2, windows='shared'))
train_cfg = dict(effective_batch=16)

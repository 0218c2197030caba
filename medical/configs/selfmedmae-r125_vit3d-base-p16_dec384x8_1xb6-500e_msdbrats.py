"""SelfMedMAE ViT-B/16 on MSD BraTS as released: 128 voxels, 4 channels, ratio 0.125, 64 of 512 patches hidden.

Command: mimbench pretrain medical/configs/selfmedmae-r125_vit3d-base-p16_dec384x8_1xb6-500e_msdbrats.py
    --data LIST.json
Hardware: one GPU of 40 GB (not measured). The sources give 500 to 1000 epochs and neither batch nor warm-up: those are
BTCV's and 50 here, so this is an approximation.
Published after fine-tuning: mean Dice 0.789, from scratch 0.774 (abstract of the paper).
"""

_base_ = '_base_/selfmedmae_msdbrats.py'
recipe = dict(method='SelfMedMAE', epochs=500, data='MSD Task01, training folds')
model = dict(masking=dict(type='RandomMasking', ratio=0.125))
train_cfg = dict(epochs=500)
param_scheduler = dict(type='WarmupCosine', warmup=50)

"""SelfMedMAE ViT-B/16 on MSD BraTS as released: 128 voxels, 4 channels, ratio 0.125, 64 of 512 patches hidden.

Command: mimbench pretrain medical/configs/selfmedmae-r125_vit3d-base-p16_dec384x8_1xb24-500e_msdbrats.py
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). The released script passes the ratio 0.125 and 500 epochs, its YAML has 0.75
and 1000. The split is an approximation, see `_base_/selfmedmae_msdbrats.py`.
Published after fine-tuning: mean Dice 0.789, from scratch 0.774 (abstract of the paper).
"""

_base_ = '_base_/selfmedmae_msdbrats.py'
recipe = dict(method='SelfMedMAE', epochs=500, data='MSD Task01, training folds')
model = dict(masking=dict(type='RandomMasking', ratio=0.125))
train_cfg = dict(epochs=500)
param_scheduler = dict(type='WarmupCosine', warmup=10)

"""SelfMedMAE ViT-B/16 on BTCV as released: ratio 0.125, 27 of 216 patches hidden, 10,000 epochs, batch 6 x 4.

Command: mimbench pretrain medical/configs/selfmedmae-r125_vit3d-base-p16_dec384x8_1xb24-10000e_btcv.py
    --data LIST.json
Hardware: one GPU of 80 GB (not measured).
The released script passes 0.125; the default of the YAML is 0.75, which has its own config.
Published after fine-tuning: 8-organ Dice 0.835 (18/12 split, abstract of the paper, whichever ratio it used).
"""

_base_ = '_base_/selfmedmae.py'
recipe = dict(method='SelfMedMAE', epochs=10000, data='BTCV, training volumes of the list')
model = dict(masking=dict(type='RandomMasking', ratio=0.125))
train_cfg = dict(epochs=10000)
param_scheduler = dict(type='WarmupCosine', warmup=100)

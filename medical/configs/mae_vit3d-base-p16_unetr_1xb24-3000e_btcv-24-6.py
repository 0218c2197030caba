"""UNETR on BTCV, 24 volumes for training and 6 for validation (MONAI's dataset_0.json), 13 organs, 3000 epochs.

Command: mimbench transfer medical/configs/mae_vit3d-base-p16_unetr_1xb24-3000e_btcv-24-6.py --checkpoint FILE
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). Length and split are MIM-Med3D's (ZEKAICHEN/MIM-Med3D); batch, learning
rate and warm-up are SelfMedMAE's, because our sources do not give them: an approximation.
Published: nothing comparable; a user measured 0.776 with UNETR's released model (research-contributions#69), Swin
UNETR has 0.819 (its README, overlap 0.5).
"""

_base_ = '_base_/btcv_unetr.py'
recipe = dict(method='MAE', epochs=3000, source='ZEKAICHEN/MIM-Med3D')
protocol = dict(id='btcv-24-6-unetr-3000e', version=1, metric='dice', higher_is_better=True, init_stage='mim')
train_cfg = dict(type='TrainLoop', effective_batch=24, epochs=3000)
optim_wrapper = dict(optimizer=dict(lr=3.44e-2 * 6 / 256))
param_scheduler = dict(type='WarmupCosine', warmup=100)

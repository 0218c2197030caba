"""SelfMedMAE's UNETR on BTCV, 18 volumes for training and 12 for validation (TransUNet's split), 5000 epochs.

Command: mimbench transfer medical/configs/selfmedmae_vit3d-base-p16_unetr_1xb24-5000e_btcv-18-12.py --checkpoint FILE
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). LIST is the transunet.json of that split; the protocol hash covers it.
Published: Dice 0.835 over eight organs, 0.788 from scratch (abstract of the paper). The released code selects the
best epoch on these validation volumes; here the last one is scored.
"""

_base_ = '_base_/selfmedmae_unetr.py'
recipe = dict(method='SelfMedMAE', epochs=5000, published=dict(dice_eight=0.835), source='SelfMedMAE, abstract')
protocol = dict(
    id='btcv-18-12-unetr-selfmedmae-5000e', version=2, metric='dice_eight', higher_is_better=True, init_stage='mim'
)
train_dataloader = dict(batch_size=24, dataset=dict(source=dict(file='data/btcv/transunet.json')))
val_dataloader = dict(dataset=dict(source=dict(file='data/btcv/transunet.json')))
train_cfg = dict(type='TrainLoop', effective_batch=24, epochs=5000)
optim_wrapper = dict(optimizer=dict(lr=3.44e-2 * 6 / 256))
param_scheduler = dict(type='WarmupCosine', warmup=50)

"""UNETR on BTCV, 24 volumes for training and 6 for validation, 3000 epochs, batch 4 x 4: MIM-Med3D.

Command: mimbench transfer medical/configs/mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6.py --checkpoint FILE
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). LIST is MIM-Med3D's own, as large as MONAI's dataset_0.json.
Source: ZEKAICHEN/MIM-Med3D (code/configs/sl/btcv, code/data/btcv_dataset.py): no layer decay, no drop path, weight
decay on all parameters, Dice without squares, windows overlapping by a quarter; its Dice counts the background as an
organ, and so does `dice` here, beside `dice_organs`. An approximation in the encoder, whose queries, keys and values
have biases here, and in the smoothing of the Dice loss: only the denominator has 1e-6 here, both parts have 1e-5 there.
Its code selects the best epoch.
Published: nothing comparable; a user measured 0.776 with UNETR's released model (research-contributions#69), Swin
UNETR has 0.819 (its README, overlap 0.5), both without the background.
"""

_base_ = '_base_/btcv_unetr.py'
recipe = dict(method='MAE', epochs=3000, source='ZEKAICHEN/MIM-Med3D')
protocol = dict(id='btcv-24-6-unetr-3000e', version=2, metric='dice', higher_is_better=True, init_stage='mim')
task = dict(
    distances=False,
    groups=dict(
        organs=[
            *('spleen', 'right kidney', 'left kidney', 'gallbladder', 'esophagus', 'liver', 'stomach', 'aorta'),
            *('inferior vena cava', 'portal and splenic vein', 'pancreas'),
            *('right adrenal gland', 'left adrenal gland'),
        ]
    ),
)
model = dict(
    background=True,
    squared=False,
    overlap=0.25,
    encoder=dict(arch_args=dict(class_token=False, global_pool='avg'), position='learned', drop_path_rate=0.0),
)
train_dataloader = dict(batch_size=16, dataset=dict(crop=dict(flip=0.1, rotate90=0.1, scale=None, shift=(0.5, 0.1))))
train_cfg = dict(type='TrainLoop', effective_batch=16, epochs=3000)
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(_delete_=True, no_decay=[]))
param_scheduler = dict(type='WarmupCosine', warmup=300, end=1 / 3)

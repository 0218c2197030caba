"""Linear probe in mini size: 28 pixels, for any checkpoint of grey images.

Command: mimbench transfer medical/configs/mini/mae_vit-base-p16_linear_1xb128-20e_medmnist.py --checkpoint FILE
    --data FILE.npz
"""

_base_ = '../_base_/mini_findings.py'
recipe = dict(method='MAE', epochs=20)
protocol = dict(id='images-mini-linear-28px')
model = dict(probe=True)
train_dataloader = dict(dataset=dict(transform=dict(_delete_=True, type='EvalAugment', resize=28, crop=28)))
train_cfg = dict(epochs=20)
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.0), paramwise_cfg=dict(_delete_=True, no_decay=['1d']))

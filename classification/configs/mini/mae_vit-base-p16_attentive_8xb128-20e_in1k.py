"""Attentive probe in mini size: 32 pixels, batch 128, 20 epochs, for any checkpoint.

Command: mimbench transfer classification/configs/mini/mae_vit-base-p16_attentive_8xb128-20e_in1k.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = 'mae_vit-base-p16_linear_8xb512-90e_in1k.py'
recipe = dict(method='MAE', epochs=20)
protocol = dict(id='classification-mini-attentive-32px')
model = dict(type='AttentiveProbe')
train_cfg = dict(effective_batch=128, epochs=20)
optim_wrapper = dict(
    clip_grad=dict(max_norm=1.0),
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(_delete_=True, type='WarmupCosine')

"""Attentive probe in mini size: the network stays as it is, lr 1e-3.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_attentive_1xb32-100e_modelnet40.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='Point-MAE', epochs=20)
protocol = dict(id='points-mini-attentive')
model = dict(type='AttentivePoints')
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.01), paramwise_cfg=dict(_delete_=True, no_decay=['1d']))

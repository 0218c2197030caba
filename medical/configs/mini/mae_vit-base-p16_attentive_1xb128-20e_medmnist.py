"""Attentive probe in mini size: 28 pixels, for any checkpoint of grey images.

Command: mimbench transfer medical/configs/mini/mae_vit-base-p16_attentive_1xb128-20e_medmnist.py --checkpoint FILE
    --data FILE.npz
"""

_base_ = './mae_vit-base-p16_linear_1xb128-20e_medmnist.py'
protocol = dict(id='images-mini-attentive-28px')
model = dict(pool='attentive', head_std=0.02)
optim_wrapper = dict(optimizer=dict(weight_decay=0.01))

"""Attentive probe on a MedMNIST set at 224 pixels: a query that attends to all tokens; else as the linear probe.

Command: mimbench transfer medical/configs/mae_vit-base-p16_attentive_1xb128-20e_medmnist.py --checkpoint FILE
    --data SET_224.npz
Hardware: one GPU. Published: nothing comparable (our protocol).
"""

_base_ = './mae_vit-base-p16_linear_1xb128-20e_medmnist.py'
protocol = dict(id='medmnist-attentive-20e')
model = dict(pool='attentive', head_std=0.02)
optim_wrapper = dict(optimizer=dict(weight_decay=0.01))

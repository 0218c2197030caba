"""Attentive probe on frozen features in mini size, for any checkpoint of clips; the network here is the control's.

Command: mimbench transfer video/configs/mini/videomae_vit-base-p16_attentive_64xb4-20e_k400.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_probe.py'
recipe = dict(method='VideoMAE', epochs=20)
protocol = dict(id='video-mini-attentive-8x32px')
model = dict(head='attentive', head_std=0.02)
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.01))

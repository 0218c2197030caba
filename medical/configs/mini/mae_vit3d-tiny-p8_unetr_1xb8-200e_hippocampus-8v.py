"""UNETR on 8 labelled hippocampus volumes of MSD Task04, the first of the list: 200 epochs of one batch.

Command: mimbench transfer medical/configs/mini/mae_vit3d-tiny-p8_unetr_1xb8-200e_hippocampus-8v.py --checkpoint FILE
    --data LIST.json --work-dir DIR
Hardware: a CPU.
"""

_base_ = './mae_vit3d-tiny-p8_unetr_1xb8-20e_hippocampus.py'
recipe = dict(method='MAE', epochs=200)
protocol = dict(id='hippocampus-mini-unetr-8v-200e')
train_dataloader = dict(dataset=dict(source=dict(first=8)))
train_cfg = dict(epochs=200)
param_scheduler = dict(warmup=10)
default_hooks = dict(save=dict(interval=200))
custom_hooks = [dict(type='EvalHook', interval=50)]

"""A linear layer on a frozen checkpoint of any plain ViT in mini size: 64 pixels, 200 updates.

Command: mimbench transfer seg_mmsegmentation/configs/mini/ibot_vit-base-p16_linear_4xb4-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = ['../_base_/runtime.py', '../_base_/folders_64.py', '../_base_/mini_linear.py', '../_base_/mini_200i.py']
recipe = dict(method='iBOT')
protocol = dict(id='segmentation-mini-linear-64px', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(position='learned'))
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=[]))

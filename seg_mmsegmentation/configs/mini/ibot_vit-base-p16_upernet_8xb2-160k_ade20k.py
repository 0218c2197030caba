"""UPerNet on an iBOT checkpoint in mini size: 64 pixels, the final norm on every map, 200 updates.

Command: mimbench transfer seg_mmsegmentation/configs/mini/ibot_vit-base-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = ['../_base_/runtime.py', '../_base_/folders_64.py', '../_base_/mini_upernet.py', '../_base_/mini_200i.py']
recipe = dict(method='iBOT')
protocol = dict(id='segmentation-mini-upernet-64px', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(position='learned', out_norm='own'))

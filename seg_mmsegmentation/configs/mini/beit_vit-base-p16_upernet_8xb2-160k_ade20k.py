"""UPerNet on a BEiT or SimMIM checkpoint in mini size: 64 pixels, relative tables, 200 updates.

Command: mimbench transfer seg_mmsegmentation/configs/mini/beit_vit-base-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = ['../_base_/runtime.py', '../_base_/folders_64.py', '../_base_/mini_upernet.py', '../_base_/mini_200i.py']
recipe = dict(method='BEiT')
protocol = dict(id='segmentation-mini-upernet-64px', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='beit_base_patch16_224', arch_args=dict(init_values=0.1)))

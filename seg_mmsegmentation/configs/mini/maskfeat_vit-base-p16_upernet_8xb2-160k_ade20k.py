"""UPerNet on a MaskFeat checkpoint in mini size: 64 pixels, learned positions, 200 updates.

Command: mimbench transfer seg_mmsegmentation/configs/mini/maskfeat_vit-base-p16_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(method='MaskFeat')
model = dict(backbone=dict(position='learned'))

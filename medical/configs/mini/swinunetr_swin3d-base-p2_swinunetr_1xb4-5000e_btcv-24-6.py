"""SwinUNETR in mini size, for any checkpoint of a volumetric Swin whose stages divide 32 voxels.

Command: mimbench transfer medical/configs/mini/swinunetr_swin3d-base-p2_swinunetr_1xb4-5000e_btcv-24-6.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = '../_base_/mini_swinunetr.py'
recipe = dict(method='SwinUNETR', epochs=20)

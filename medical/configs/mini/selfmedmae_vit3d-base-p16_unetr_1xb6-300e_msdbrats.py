"""Overlapping regions with UNETR in mini size, for any checkpoint of a volume transformer with patches of 8.

Command: mimbench transfer medical/configs/mini/selfmedmae_vit3d-base-p16_unetr_1xb6-300e_msdbrats.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = '../_base_/mini_unetr.py'
recipe = dict(method='SelfMedMAE', epochs=20)
protocol = dict(id='volumes-mini-unetr-32-regions')
model = dict(channels=1, regions=dict(organs=['liver', 'kidney'], all=['liver', 'kidney', 'vessel'], vessel=['vessel']))

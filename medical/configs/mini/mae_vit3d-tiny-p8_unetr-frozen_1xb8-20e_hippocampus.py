"""UNETR's decoder alone on the hippocampus volumes: the encoder stays as it is; else as its namesake.

Command: mimbench transfer medical/configs/mini/mae_vit3d-tiny-p8_unetr-frozen_1xb8-20e_hippocampus.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = './mae_vit3d-tiny-p8_unetr_1xb8-20e_hippocampus.py'
protocol = dict(id='hippocampus-mini-unetr-frozen-20e')
model = dict(frozen=True)
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d']))

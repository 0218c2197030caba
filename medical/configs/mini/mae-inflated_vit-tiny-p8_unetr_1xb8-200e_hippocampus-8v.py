"""UNETR on 8 labelled hippocampus volumes from an image encoder with patches of 8, inflated; else as its namesake.

Command: mimbench transfer medical/configs/mini/mae-inflated_vit-tiny-p8_unetr_1xb8-200e_hippocampus-8v.py
    --checkpoint FILE --data LIST.json --work-dir DIR
"""

_base_ = './mae_vit3d-tiny-p8_unetr_1xb8-200e_hippocampus-8v.py'
protocol = dict(id='hippocampus-mini-unetr-8v-inflated-200e')
model = dict(encoder=dict(inflate=dict(patch=8, rule='mean', position='sincos-3d', prefix='keep')))

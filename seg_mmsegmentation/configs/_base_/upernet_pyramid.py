"""UPerNet of width 512 over the four stages of Swin or a CNN, tested on whole images.

Source: MMSegmentation `configs/_base_/models/upernet_swin.py` and `upernet_r50.py`.
"""

_base_ = 'upernet_vit.py'
model = dict(
    backbone=dict(levels=[0, 1, 2, 3], four_levels=False),
    decode_head=dict(channels=512),
    test_cfg=dict(_delete_=True, mode='whole'),
)

"""UNETR's decoder alone on BTCV 24/6: the encoder stays as it is; else as its namesake.

Command: mimbench transfer medical/configs/mae_vit3d-base-p16_unetr-frozen_1xb16-3000e_btcv-24-6.py --checkpoint FILE
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). Published: nothing comparable.
"""

_base_ = './mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6.py'
protocol = dict(id='btcv-24-6-unetr-frozen-3000e', version=1)
model = dict(frozen=True)

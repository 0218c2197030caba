"""An image checkpoint inflated to volumes, then UNETR on BTCV 24/6, 3000 epochs.

Command: mimbench transfer medical/configs/mae-inflated_vit-base-p16_unetr_1xb16-3000e_btcv-24-6.py --checkpoint FILE
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). Recipe and score are those of MIM-Med3D's volume encoder.
Kernels are averaged over depth and summed over colours, positions are new
ones of three axes. Published: nothing.
"""

_base_ = './mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6.py'
protocol = dict(id='btcv-24-6-unetr-inflated-3000e')
model = dict(encoder=dict(inflate=dict(patch=16, rule='mean', position='sincos-3d', prefix='keep')))

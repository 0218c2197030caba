"""A2MIM on ConvNeXt-Atto, 96 pixels, units of 32, batch 128; no spectrum, as in the released ConvNeXt-S config.

Command: mimbench pretrain pretrain/configs/mini/a2mim_convnext-small_pixelshuffle_8xb256-300e_in1k.py --data FOLDER
"""

_base_ = 'a2mim_resnet50_pixelshuffle_8xb256-300e_in1k.py'
model = dict(
    encoder=dict(arch='convnext_atto'),
    target=dict(_delete_=True, type='Pixels', normalise='none'),
    loss=dict(_delete_=True, type='FocalL1', beta=0.2, on='masked'),
)
optim_wrapper = dict(paramwise_cfg=dict(lr_mult={'*.mask_token': 0.1, 'encoder.gamma': 0.1}))

"""A2MIM ConvNeXt-S, ImageNet-1k, 300 epochs, batch 2048.

Command: tools/dist_train.sh pretrain pretrain/configs/a2mim_convnext-small_pixelshuffle_8xb256-300e_in1k.py 8
Published: fine-tuned top-1 83.7 (A2MIM README).
The released ConvNeXt-S config switches the spectrum off (fft_weight 0) and slows the scale of the masked features too;
both are followed here (Westlake-AI/openmixup convnext_s_l3_sz224_init_8xb256_cos_ep300.py).
"""

_base_ = 'a2mim_resnet50_pixelshuffle_8xb256-300e_in1k.py'
model = dict(
    encoder=dict(arch='convnext_small'),
    target=dict(_delete_=True, type='Pixels', normalise='none'),
    loss=dict(_delete_=True, type='FocalL1', beta=0.2, on='masked'),
)
optim_wrapper = dict(paramwise_cfg=dict(lr_mult={'*.mask_token': 0.1, 'encoder.gamma': 0.1}))

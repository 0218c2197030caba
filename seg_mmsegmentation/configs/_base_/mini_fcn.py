"""FCN in mini size over a ResNet-18 of stride 8, for 64 pixels and any ResNet checkpoint."""

_base_ = './fcn_resnet.py'
sync_bn = None
model = dict(
    data_preprocessor=dict(mean=None, std=None, size=(64, 64)),
    backbone=dict(image_size=64, arch='resnet18'),
    decode_head=dict(channels=64),
    auxiliary_head=dict(channels=32),
)

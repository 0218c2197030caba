"""UPerNet in mini size over the stages of a ResNet-18, for 64 pixels and any checkpoint with four stages."""

_base_ = './upernet_pyramid.py'
sync_bn = None
model = dict(
    data_preprocessor=dict(mean=None, std=None, size=(64, 64)),
    backbone=dict(image_size=64, arch='resnet18', drop_path_rate=0.0),
    decode_head=dict(channels=64),
    auxiliary_head=dict(channels=32),
)

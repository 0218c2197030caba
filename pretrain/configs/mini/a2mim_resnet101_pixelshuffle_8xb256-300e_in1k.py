"""A2MIM on ResNet-34, 96 pixels, for the published ResNet-101.

Command: mimbench pretrain pretrain/configs/mini/a2mim_resnet101_pixelshuffle_8xb256-300e_in1k.py --data FOLDER
"""

_base_ = 'a2mim_resnet50_pixelshuffle_8xb256-300e_in1k.py'
model = dict(encoder=dict(arch='resnet34'))

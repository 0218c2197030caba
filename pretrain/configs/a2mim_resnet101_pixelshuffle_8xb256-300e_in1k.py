"""A2MIM ResNet-101, ImageNet-1k, 300 epochs, batch 2048.

Command: tools/dist_train.sh pretrain pretrain/configs/a2mim_resnet101_pixelshuffle_8xb256-300e_in1k.py 8
Published: fine-tuned top-1 81.9 (A2MIM README).
"""

_base_ = 'a2mim_resnet50_pixelshuffle_8xb256-300e_in1k.py'
model = dict(encoder=dict(arch='resnet101'))

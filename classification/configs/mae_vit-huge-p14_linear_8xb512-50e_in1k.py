"""MAE's linear probe of ViT-H/14, ImageNet-1k, 50 epochs, LARS, batch 16384.

Command: tools/dist_train.sh transfer classification/configs/mae_vit-huge-p14_linear_8xb512-50e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 80 GB.
Published: top-1 77.2 (repository), 76.6 (paper) after 1600 epochs of pre-training (facebookresearch/mae FINETUNE.md).
"""

_base_ = './mae_vit-large-p16_linear_8xb512-50e_in1k.py'
recipe = dict(published=dict(top1=0.772))
model = dict(encoder=dict(arch='vit_huge_patch14_224'))

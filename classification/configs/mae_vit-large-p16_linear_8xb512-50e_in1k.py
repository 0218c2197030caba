"""MAE's linear probe of ViT-L/16, ImageNet-1k, 50 epochs, LARS, batch 16384.

Command: tools/dist_train.sh transfer classification/configs/mae_vit-large-p16_linear_8xb512-50e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 32 GB or more.
Published: top-1 76.0 (repository), 75.8 (paper) after 1600 epochs of pre-training (facebookresearch/mae FINETUNE.md).
"""

_base_ = './mae_vit-base-p16_linear_8xb512-90e_in1k.py'
recipe = dict(epochs=50, published=dict(top1=0.760))
protocol = dict(id='in1k-linear-mae-50e')
model = dict(encoder=dict(arch='vit_large_patch16_224'))
train_cfg = dict(epochs=50)

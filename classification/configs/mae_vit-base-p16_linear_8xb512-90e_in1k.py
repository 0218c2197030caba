"""MAE's linear probe of ViT-B/16, ImageNet-1k, 90 epochs, LARS, batch 16384.

Command: tools/dist_train.sh transfer classification/configs/mae_vit-base-p16_linear_8xb512-90e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 32 GB or more; batch norm sees 512 images at a time, as in the original on 32 GPUs.
Published: top-1 67.8 (repository), 68.0 (paper) after 1600 epochs of pre-training (facebookresearch/mae FINETUNE.md).
"""

_base_ = '_base_/linear_lars.py'
recipe = dict(method='MAE', epochs=90, published=dict(top1=0.678), source='facebookresearch/mae FINETUNE.md')
protocol = dict(id='in1k-linear-mae-90e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit_base_patch16_224', position='sincos-xy'))

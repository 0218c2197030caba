"""VideoMAE ViT-L/16, Something-Something v2, 2400 epochs, batch 512.

Command: tools/dist_train.sh pretrain video/configs/videomae_vit-large-p16_dec512x12_64xb8-2400e_ssv2.py 8
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: fine-tuned 74.3 top-1 on Something-Something v2 (MCG-NJU/VideoMAE README).
No script is published for this size: the batch is that of the ViT-L of Kinetics, an approximation.
"""

_base_ = '_base_/videomae_ssv2.py'
recipe = dict(method='VideoMAE', epochs=2400, data='Something-Something v2')
model = dict(
    encoder=dict(arch='vit3d_large_patch16'),
    head=dict(width=512, depth=12, heads=8),
)
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=2400)
train_dataloader = dict(batch_size=8)

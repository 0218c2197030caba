"""VideoMAE ViT-S/16, Kinetics-400, 1600 epochs, batch 1024.

Command: tools/dist_train.sh pretrain video/configs/videomae_vit-small-p16_dec192x4_32xb32-1600e_k400.py 8
Hardware: 32 GPUs as published; with fewer the accumulation follows.
Published: fine-tuned 79.0 top-1 on Kinetics-400 (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/videomae_pretrain.py'
recipe = dict(method='VideoMAE', epochs=1600, data='Kinetics-400')
model = dict(
    encoder=dict(arch='vit3d_small_patch16'),
    head=dict(width=192, depth=4, heads=3),
)
train_cfg = dict(type='TrainLoop', effective_batch=1024, epochs=1600)
train_dataloader = dict(batch_size=32)

"""VideoMAE ViT-L/16, Kinetics-400, 1600 epochs, batch 512.

Command: tools/dist_train.sh pretrain video/configs/videomae_vit-large-p16_dec512x12_64xb8-1600e_k400.py 8
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: fine-tuned 85.2 top-1 on Kinetics-400 (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/videomae_pretrain.py'
recipe = dict(method='VideoMAE', epochs=1600, data='Kinetics-400')
model = dict(
    encoder=dict(arch='vit3d_large_patch16'),
    head=dict(width=512, depth=12, heads=8),
)
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=1600)
train_dataloader = dict(batch_size=8)

"""VideoMAE ViT-B/16, Kinetics-400, 1600 epochs, batch 2048.

Command: tools/dist_train.sh pretrain video/configs/videomae_vit-base-p16_dec384x4_64xb32-1600e_k400.py 8
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: fine-tuned 81.5 top-1 on Kinetics-400 (after 800 epochs 80.0, 81.0 with repeated augmentation)
    (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/videomae_pretrain.py'
recipe = dict(method='VideoMAE', epochs=1600, data='Kinetics-400')
model = dict(
    encoder=dict(arch='vit3d_base_patch16'),
    head=dict(width=384, depth=4, heads=6),
)
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=1600)
train_dataloader = dict(batch_size=32)

"""VideoMAE ViT-B/16, Something-Something v2, 2400 epochs, batch 2048.

Command: tools/dist_train.sh pretrain video/configs/videomae_vit-base-p16_dec384x4_64xb32-2400e_ssv2.py 8
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: fine-tuned 70.8 top-1 on Something-Something v2 (after 800 epochs 69.6) (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/videomae_ssv2.py'
recipe = dict(method='VideoMAE', epochs=2400, data='Something-Something v2')
model = dict(
    encoder=dict(arch='vit3d_base_patch16'),
    head=dict(width=384, depth=4, heads=6),
)
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=2400)
train_dataloader = dict(batch_size=32)

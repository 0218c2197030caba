"""VideoMAE ViT-B/16, UCF101 split 1, 3200 epochs, batch 192.

Command: tools/dist_train.sh pretrain video/configs/videomae_vit-base-p16_dec384x4_8xb24-3200e_ucf101.py 8
Hardware: 8 GPUs as published; with fewer the accumulation follows.
Published: fine-tuned 91.3 top-1 on UCF101 (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/videomae_ucf101.py'
recipe = dict(method='VideoMAE', epochs=3200, data='UCF101 split 1')
model = dict(
    masking=dict(ratio=0.75),
    encoder=dict(arch='vit3d_base_patch16'),
    head=dict(width=384, depth=4, heads=6),
)
train_cfg = dict(type='TrainLoop', effective_batch=192, epochs=3200)
train_dataloader = dict(batch_size=24)
optim_wrapper = dict(optimizer=dict(lr=dict(base=3e-4, per=256)))
param_scheduler = dict(start=1e-6 / 3e-4, end=1e-5 / 3e-4)

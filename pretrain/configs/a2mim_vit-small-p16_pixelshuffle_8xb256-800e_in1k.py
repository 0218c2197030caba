"""A2MIM ViT-S/16, ImageNet-1k, 800 epochs, batch 2048.

Command: tools/dist_train.sh pretrain pretrain/configs/a2mim_vit-small-p16_pixelshuffle_8xb256-800e_in1k.py 8
Published: fine-tuned top-1 82.1 (A2MIM README).
"""

_base_ = 'a2mim_vit-base-p16_pixelshuffle_8xb128-800e_in1k.py'
model = dict(encoder=dict(embed_dim=384, num_heads=6))
train_dataloader = dict(batch_size=256)

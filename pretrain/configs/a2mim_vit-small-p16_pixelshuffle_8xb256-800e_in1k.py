"""A2MIM ViT-S/16, ImageNet-1k, 800 epochs, batch 2048.

Command: tools/dist_train.sh pretrain pretrain/configs/a2mim_vit-small-p16_pixelshuffle_8xb256-800e_in1k.py 8
Published: fine-tuned top-1 82.1 (A2MIM README). Its "small" is openmixup's: width 768, 8 blocks, 8 heads, MLP x 3.
"""

_base_ = 'a2mim_vit-base-p16_pixelshuffle_8xb128-800e_in1k.py'
model = dict(encoder=dict(depth=8, num_heads=8, mlp_ratio=3.0))
train_dataloader = dict(batch_size=256)

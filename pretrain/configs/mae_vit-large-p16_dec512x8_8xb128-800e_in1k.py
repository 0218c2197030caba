"""MAE ViT-L/16, ImageNet-1k, 800 epochs, batch 4096 (8 x 128, 4 accumulated).

Command: tools/dist_train.sh pretrain pretrain/configs/mae_vit-large-p16_dec512x8_8xb128-800e_in1k.py 8
Cost: 124.5 GFLOP an image, about 36 h on 8 A100 at 40 % of their peak (calculated, not measured).
Published: fine-tuned top-1 85.9 after 1600 epochs (facebookresearch/mae FINETUNE.md).
"""

_base_ = 'mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
model = dict(encoder=dict(arch='vit_large_patch16_224'))
train_dataloader = dict(batch_size=128)

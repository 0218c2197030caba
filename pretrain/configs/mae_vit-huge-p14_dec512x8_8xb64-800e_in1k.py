"""MAE ViT-H/14, ImageNet-1k, 800 epochs, batch 4096 (8 x 64, 8 accumulated), activations recomputed.

Command: tools/dist_train.sh pretrain pretrain/configs/mae_vit-huge-p14_dec512x8_8xb64-800e_in1k.py 8
Cost: 291.4 GFLOP an image, about 83 h on 8 A100 at 40 % of their peak (calculated, not measured).
Published: fine-tuned top-1 86.9 after 1600 epochs (facebookresearch/mae FINETUNE.md).
"""

_base_ = 'mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
model = dict(encoder=dict(arch='vit_huge_patch14_224', checkpointing=True))
train_dataloader = dict(batch_size=64)

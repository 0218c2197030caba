"""MaskFeat ViT-L/16 (HOG), ImageNet-1k, 300 epochs, batch 2048 (8 x 64, 4 accumulated).

Command: tools/dist_train.sh pretrain pretrain/configs/maskfeat_vit-large-p16_linear_8xb64-300e_in1k.py 8
Published: fine-tuned top-1 85.7 after 1600 epochs (SlowFast).
"""

_base_ = 'maskfeat_vit-base-p16_linear_8xb256-300e_in1k.py'
model = dict(encoder=dict(arch='vit_large_patch16_224'))
train_dataloader = dict(batch_size=64)

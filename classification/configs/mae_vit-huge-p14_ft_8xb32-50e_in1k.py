"""MAE fine-tuning of ViT-H/14, ImageNet-1k, 50 epochs, batch 1024.

Command: tools/dist_train.sh transfer classification/configs/mae_vit-huge-p14_ft_8xb32-50e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 80 GB; four micro-batches per update.
Published: top-1 86.9 after 1600 epochs of pre-training (facebookresearch/mae FINETUNE.md).
"""

_base_ = './mae_vit-large-p16_ft_8xb64-50e_in1k.py'
recipe = dict(published=dict(top1=0.869))
model = dict(encoder=dict(arch='vit_huge_patch14_224', drop_path_rate=0.3))
train_dataloader = dict(batch_size=32)

"""MAE fine-tuning of ViT-L/16, ImageNet-1k, 50 epochs, batch 1024.

Command: tools/dist_train.sh transfer classification/configs/mae_vit-large-p16_ft_8xb64-50e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 40 GB or more; two micro-batches per update.
Published: top-1 85.9 after 1600 epochs of pre-training (facebookresearch/mae FINETUNE.md).
"""

_base_ = './mae_vit-base-p16_ft_8xb128-100e_in1k.py'
recipe = dict(epochs=50, published=dict(top1=0.859))
protocol = dict(id='in1k-finetune-mae-50e')
model = dict(encoder=dict(arch='vit_large_patch16_224', drop_path_rate=0.2))
train_dataloader = dict(batch_size=64)
train_cfg = dict(epochs=50)
optim_wrapper = dict(optimizer=dict(lr=dict(base=1e-3)), paramwise_cfg=dict(layer_decay=0.75))
param_scheduler = dict(end=1e-6 / 4e-3)

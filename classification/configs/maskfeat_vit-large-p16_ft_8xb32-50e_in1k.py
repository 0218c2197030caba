"""MaskFeat fine-tuning of ViT-L/16, ImageNet-1k, 50 epochs, batch 256.

Command: tools/dist_train.sh transfer classification/configs/maskfeat_vit-large-p16_ft_8xb32-50e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 32 GB or more.
Published: top-1 85.7 after 1600 epochs of pre-training (facebookresearch/SlowFast projects/maskfeat).
Source: facebookresearch/SlowFast configs/masked_ssl/in1k_VIT_L_MaskFeat_FT.yaml.
"""

_base_ = './maskfeat_vit-base-p16_ft_8xb64-100e_in1k.py'
recipe = dict(epochs=50, published=dict(top1=0.857))
protocol = dict(id='in1k-finetune-maskfeat-50e')
model = dict(encoder=dict(arch='vit_large_patch16_224'))
train_dataloader = dict(batch_size=32)
train_cfg = dict(effective_batch=256, epochs=50)
optim_wrapper = dict(optimizer=dict(lr=dict(base=1e-3, per=256)), paramwise_cfg=dict(layer_decay=0.75))
param_scheduler = dict(warmup=5, start=1e-8 / 1e-3, end=1e-6 / 1e-3)

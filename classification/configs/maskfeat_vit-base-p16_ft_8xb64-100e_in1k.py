"""MaskFeat fine-tuning of ViT-B/16, ImageNet-1k, 100 epochs, batch 512.

Command: tools/dist_train.sh transfer classification/configs/maskfeat_vit-base-p16_ft_8xb64-100e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 24 GB or more.
Published: top-1 84.0 after 1600 epochs of pre-training (facebookresearch/SlowFast projects/maskfeat); 83.4 after 300
(mmpretrain). The original multiplies learning rate and batch with the number of machines; this is one machine.
Source: facebookresearch/SlowFast configs/masked_ssl/in1k_VIT_B_MaskFeat_FT.yaml. Class token and positions do decay.
"""

_base_ = '_base_/finetune_adamw.py'
recipe = dict(method='MaskFeat', epochs=100, published=dict(top1=0.840), source='facebookresearch/SlowFast maskfeat')
protocol = dict(id='in1k-finetune-maskfeat-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit_base_patch16_224', position='learned'))
train_dataloader = dict(batch_size=64)
train_cfg = dict(effective_batch=512)
optim_wrapper = dict(optimizer=dict(lr=dict(base=2e-3, per=512)), paramwise_cfg=dict(no_decay=['1d']))
param_scheduler = dict(type='WarmupCosine', warmup=20, start=1e-8 / 2e-3, end=1e-6 / 2e-3)

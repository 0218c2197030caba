"""MAE fine-tuning of ViT-B/16, ImageNet-1k, 100 epochs, batch 1024.

Command: tools/dist_train.sh transfer classification/configs/mae_vit-base-p16_ft_8xb128-100e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 32 GB or more.
Published: top-1 83.6 after 1600 epochs of pre-training; four seeds 83.63 83.66 83.52 83.46
(facebookresearch/mae FINETUNE.md).
"""

_base_ = '_base_/finetune_adamw.py'
recipe = dict(method='MAE', epochs=100, published=dict(top1=0.836), source='facebookresearch/mae FINETUNE.md')
protocol = dict(id='in1k-finetune-mae-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit_base_patch16_224', position='sincos-xy'))
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=dict(base=5e-4, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=5, end=1e-6 / 2e-3)

"""BEiT fine-tuning of ViT-B/16, ImageNet-1k, 100 epochs, batch 1024, absolute learning rate 4e-3.

Command: tools/dist_train.sh transfer classification/configs/beit_vit-base-p16_ft_8xb128-100e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 32 GB or more.
Published: top-1 83.1 after 300 epochs of pre-training on ImageNet-1k (mmpretrain's own run); 83.7 from ImageNet-22k
(microsoft/unilm beit README). The command is that of the README; pixels are normalised with 0.5, its default.
Without a checkpoint the network has relative positions in every block and LayerScale 0.1, as pre-trained.
"""

_base_ = '_base_/finetune_adamw.py'
recipe = dict(method='BEiT', epochs=100, published=dict(top1=0.831), source='mmpretrain, BEiT of 300 epochs')
protocol = dict(id='in1k-finetune-beit-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    encoder=dict(
        arch='beit_base_patch16_224',
        arch_args=dict(use_abs_pos_emb=False, use_rel_pos_bias=True, init_values=0.1),
        position='relative',
    ),
)
train_dataloader = dict(batch_size=128, dataset=dict(transform=dict(fill=(0.5, 0.5, 0.5))))
optim_wrapper = dict(optimizer=dict(lr=4e-3))
param_scheduler = dict(type='WarmupCosine', warmup=20, end=1e-6 / 4e-3)

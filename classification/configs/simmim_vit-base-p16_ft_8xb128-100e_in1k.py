"""SimMIM fine-tuning of ViT-B/16, ImageNet-1k, 100 epochs, batch 2048.

Command: tools/dist_train.sh transfer classification/configs/simmim_vit-base-p16_ft_8xb128-100e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 32 GB or more; two micro-batches per update.
Published: top-1 83.8 after 800 epochs of pre-training (microsoft/SimMIM README).
Source: microsoft/SimMIM configs/vit_base__800ep/simmim_finetune__vit_base__img224__800ep.yaml; initial head as BEiT's.
"""

_base_ = '_base_/finetune_adamw.py'
recipe = dict(method='SimMIM', epochs=100, published=dict(top1=0.838), source='microsoft/SimMIM README')
protocol = dict(id='in1k-finetune-simmim-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(
    encoder=dict(
        arch='beit_base_patch16_224',
        arch_args=dict(use_abs_pos_emb=False, use_rel_pos_bias=True, init_values=0.1),
        position='relative',
    )
)
train_dataloader = dict(batch_size=128)
train_cfg = dict(effective_batch=2048)
optim_wrapper = dict(clip_grad=dict(max_norm=5.0), optimizer=dict(lr=dict(base=1.25e-3, per=512)))
param_scheduler = dict(type='WarmupCosine', warmup=20, start=2e-4, end=2e-4, rebase=False)

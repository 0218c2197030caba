"""A2MIM fine-tuning of ViT-B/16, ImageNet-1k, 100 epochs, batch 1024, averaged weights.

Command: tools/dist_train.sh transfer classification/configs/a2mim_vit-base-p16_ft_8xb128-100e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 32 GB or more.
Published: top-1 84.2 after 800 epochs of pre-training (Westlake-AI/A2MIM README; 84.3 in its detailed table).
Source: Westlake-AI/openmixup configs/benchmarks/classification/imagenet/
    vit_base_p16_swin_ft_simmim_sz224_8xb128_cos_ep100.py.
Approximation of it: the original mixes every batch twice (mix_repeat=2) and warms its average up over 20 epochs.
"""

_base_ = '_base_/finetune_adamw.py'
recipe = dict(method='A2MIM', epochs=100, published=dict(top1=0.842), source='Westlake-AI/A2MIM README')
protocol = dict(id='in1k-finetune-a2mim-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(
    ema=0.99996,
    encoder=dict(
        arch='beit_base_patch16_224',
        arch_args=dict(use_abs_pos_emb=True, use_rel_pos_bias=True, init_values=0.1),
        position='learned',
    ),
)
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(clip_grad=dict(max_norm=5.0), optimizer=dict(lr=dict(base=2.5e-3, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=20, start=1e-6, end=1e-6 / 1e-2)

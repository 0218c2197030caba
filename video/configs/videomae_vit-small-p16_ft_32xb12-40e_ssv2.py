"""Fine-tuning of VideoMAE ViT-S/16, Something-Something v2, 40 epochs, batch 384.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-small-p16_ft_32xb12-40e_ssv2.py 8 --checkpoint FILE
Hardware: 32 GPUs as published; with fewer the accumulation follows.
Published: top-1 66.8 after 2400 epochs (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/finetune_ssv2.py'
recipe = dict(method='VideoMAE', epochs=40, published=dict(top1=0.668), source='MCG-NJU/VideoMAE MODEL_ZOO.md')
protocol = dict(id='ssv2-finetune-videomae-s-40e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit3d_small_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=384, epochs=40)
train_dataloader = dict(batch_size=12, dataset=dict(repeats=2))
optim_wrapper = dict(optimizer=dict(lr=dict(base=1e-3, per=256)), paramwise_cfg=dict(layer_decay=0.7))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-6 / 1e-3, end=1e-6 / 1e-3)

"""Fine-tuning of VideoMAE ViT-B/16, Something-Something v2, 30 epochs, batch 384.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-base-p16_ft_64xb6-30e_ssv2.py 8 --checkpoint FILE
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: top-1 70.8 after 2400 epochs (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/finetune_ssv2.py'
recipe = dict(method='VideoMAE', epochs=30, published=dict(top1=0.708), source='MCG-NJU/VideoMAE MODEL_ZOO.md')
protocol = dict(id='ssv2-finetune-videomae-b-30e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit3d_base_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=384, epochs=30)
train_dataloader = dict(batch_size=6, dataset=dict(repeats=2))
optim_wrapper = dict(optimizer=dict(lr=dict(base=5e-4, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-6 / 5e-4, end=1e-6 / 5e-4)

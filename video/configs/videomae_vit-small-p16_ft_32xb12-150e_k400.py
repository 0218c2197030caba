"""Fine-tuning of VideoMAE ViT-S/16, Kinetics-400, 150 epochs, batch 384.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-small-p16_ft_32xb12-150e_k400.py 8 --checkpoint FILE
Hardware: 32 GPUs as published; with fewer the accumulation follows.
Published: top-1 79.0 after 1600 epochs (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/finetune_k400.py'
recipe = dict(method='VideoMAE', epochs=150, published=dict(top1=0.79), source='MCG-NJU/VideoMAE MODEL_ZOO.md')
protocol = dict(id='k400-finetune-videomae-s-150e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit3d_small_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=384, epochs=150)
train_dataloader = dict(batch_size=12, dataset=dict(repeats=2))
optim_wrapper = dict(optimizer=dict(lr=dict(base=5e-4, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-6 / 5e-4, end=1e-6 / 5e-4)

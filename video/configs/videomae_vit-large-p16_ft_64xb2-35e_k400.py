"""Fine-tuning of VideoMAE ViT-L/16, Kinetics-400, 35 epochs, batch 128.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-large-p16_ft_64xb2-35e_k400.py 8 --checkpoint FILE
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: top-1 85.2 after 1600 epochs (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/finetune_k400.py'
recipe = dict(method='VideoMAE', epochs=35, published=dict(top1=0.852), source='MCG-NJU/VideoMAE MODEL_ZOO.md')
protocol = dict(id='k400-finetune-videomae-l-35e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit3d_large_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=35)
train_dataloader = dict(batch_size=2, dataset=dict(repeats=2))
optim_wrapper = dict(optimizer=dict(lr=dict(base=2e-3, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-6 / 2e-3, end=1e-6 / 2e-3)

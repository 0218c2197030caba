"""Fine-tuning of VideoMAE ViT-S/16, Kinetics-400, 100 epochs, batch 512.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-small-p16_ft_64xb8-100e_k400.py 8 --checkpoint FILE
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: top-1 79.0 (MCG-NJU/VideoMAE MODEL_ZOO.md).
The recipe is that of ViT-B, as ours of this size is not in our sources: an approximation.
"""

_base_ = '_base_/finetune_k400.py'
recipe = dict(method='VideoMAE', epochs=100, published=dict(top1=0.79), source='MCG-NJU/VideoMAE MODEL_ZOO.md')
protocol = dict(id='k400-finetune-videomae-s-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit3d_small_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=100)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=dict(base=0.001, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-6 / 0.002, end=1e-6 / 0.002)

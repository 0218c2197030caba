"""Fine-tuning of VideoMAE ViT-B/16, Kinetics-400, 100 epochs, batch 512.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-base-p16_ft_64xb8-100e_k400.py 8 --checkpoint FILE
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: top-1 80.0 after 800 epochs (MCG-NJU/VideoMAE MODEL_ZOO.md). After 1600 epochs the recipe is the one of 75
    epochs with two clips of each video.
"""

_base_ = '_base_/finetune_k400.py'
recipe = dict(method='VideoMAE', epochs=100, published=dict(top1=0.8), source='MCG-NJU/VideoMAE MODEL_ZOO.md')
protocol = dict(id='k400-finetune-videomae-b-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit3d_base_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=100)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=dict(base=1e-3, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-6 / 1e-3, end=1e-6 / 1e-3)

"""Image MAE ViT-B/16, inflated, Kinetics-400, 100 epochs, batch 512.

Command: tools/dist_train.sh transfer video/configs/mae_vit-base-p16_ft_64xb8-100e_k400.py 8 --checkpoint FILE
Hardware: 64 GPUs as published; with fewer the accumulation follows.
Published: 78.7 with a checkpoint of 1600 epochs on ImageNet-1k (VideoMAE paper, from memory and unverified, so not in
    the record).
The recipe is that of VideoMAE ViT-B: an approximation. Class tokens are kept, one for each time step.
"""

_base_ = '_base_/finetune_k400.py'
recipe = dict(method='MAE', epochs=100)
protocol = dict(
    id='k400-finetune-mae-inflated-b-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim'
)
model = dict(
    encoder=dict(
        arch='vit3d_base_patch16',
        arch_args=dict(class_token=True),
        position='learned',
        inflate=dict(patch=2, rule='mean', position='image'),
    )
)
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=100)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=dict(base=1e-3, per=256)))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-6 / 1e-3, end=1e-6 / 1e-3)

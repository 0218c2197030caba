"""Fine-tuning of MAE-ST ViT-B/16, Kinetics-400, 75 epochs, batch 64: an approximation.

Command: tools/dist_train.sh transfer video/configs/maest_vit-base-p16_ft_64xb1-75e_k400.py 8 --checkpoint FILE
Hardware: 64 GPUs, 8 shards of batch 8; with fewer the accumulation follows.
Published: top-1 81.3, 3 x 7 views (SlowFast MODEL_ZOO).
lr 6e-4 for each 8 clips, layer decay .65, drop path .1, dropout .3 before the head, two clips of each video and 7 x 3
views are SlowFast's; augmentation, betas and warm-up are those of VideoMAE. Every clip has its own window, as in
facebookresearch/mae_st. With `head='mean'` its class token is unused.
"""

_base_ = '_base_/finetune_k400.py'
recipe = dict(method='MAE-ST', epochs=75, published=dict(top1=0.813), source='SlowFast MODEL_ZOO')
protocol = dict(id='k400-finetune-maest-b-75e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
task = dict(dataset='k400-7x3')
model = dict(
    head_dropout=0.3,
    encoder=dict(arch='vit3d_base_patch16', arch_args=dict(class_token=True), position='learned'),
)
train_cfg = dict(type='TrainLoop', effective_batch=64, epochs=75)
train_dataloader = dict(batch_size=1, dataset=dict(repeats=2, windows='own'))
val_dataloader = dict(dataset=dict(sampling=dict(clips=7)))
optim_wrapper = dict(optimizer=dict(lr=dict(base=6e-4, per=8)), paramwise_cfg=dict(layer_decay=0.65))
param_scheduler = dict(type='WarmupCosine', warmup=5, end=1e-6 / 4.8e-3)

"""Attentive probe of a frozen ViT-B/16, Kinetics-400, 20 epochs, batch 256.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-base-p16_attentive_64xb4-20e_k400.py 8 --checkpoint
    FILE
Hardware: 64 GPUs; with fewer the accumulation follows.
Published: none of these networks.
The protocol is V-JEPA's (facebookresearch/jepa, configs/evals and evals/video_classification_frozen): a query that
attends to all tokens, 20 epochs, lr 1e-3 to 0 without warm-up, weight decay .01, gradients clipped at 1, batch 256, 16
frames, 4 apart, RandAugment, erasing .25, no mirroring, 8 segments x 3 views.
An approximation: V-JEPA shows 8 segments of a video at once, in training and test, and the query attends to all of
them; here a training clip is one window, and the views of a test are averaged. Its attention has no output projection,
its linear layer keeps torch's default weights and its layer norms an epsilon of 1e-5 (here there is one; normal with a
standard deviation of .02; 1e-6).
"""

_base_ = '_base_/finetune_k400.py'
recipe = dict(method='VideoMAE', epochs=20)
protocol = dict(id='k400-attentive-20e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
task = dict(dataset='k400-8x3')
model = dict(
    head='attentive',
    frozen=True,
    head_std=0.02,
    smoothing=0.0,
    mixup=0.0,
    cutmix=0.0,
    erase=0.25,
    encoder=dict(arch='vit3d_base_patch16', drop_path_rate=0.0),
)
train_cfg = dict(type='TrainLoop', effective_batch=256, epochs=20)
train_dataloader = dict(batch_size=4, dataset=dict(transform=dict(flip=0.0)))
val_dataloader = dict(dataset=dict(sampling=dict(clips=8)))
optim_wrapper = dict(
    clip_grad=dict(max_norm=1.0),
    optimizer=dict(lr=1e-3, weight_decay=0.01),
    paramwise_cfg=dict(_delete_=True, no_decay=['1d']),
)
param_scheduler = dict(type='WarmupCosine')

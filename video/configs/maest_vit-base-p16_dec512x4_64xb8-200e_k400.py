"""MAE-ST ViT-B/16, Kinetics-400, 200 epochs of 4 clips a video: an approximation, see the base file.

Command: tools/dist_train.sh pretrain video/configs/maest_vit-base-p16_dec512x4_64xb8-200e_k400.py 8
Hardware: 64 GPUs; with fewer the accumulation follows.
Published: fine-tuned 81.3 top-1 on Kinetics-400, 3 x 7 views (SlowFast MODEL_ZOO).
200 epochs with 60 of warm-up are those of SlowFast's ViT-B.
"""

_base_ = '_base_/maest_pretrain.py'
recipe = dict(method='MAE-ST', epochs=200, data='Kinetics-400')
model = dict(encoder=dict(arch='vit3d_base_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=200)
train_dataloader = dict(batch_size=8)
param_scheduler = dict(type='WarmupCosine', warmup=60)

"""MAE-ST ViT-L/16, Kinetics-400, 400 epochs of 4 clips a video: an approximation, see the base file.

Command: tools/dist_train.sh pretrain video/configs/maest_vit-large-p16_dec512x4_64xb8-400e_k400.py 8
Hardware: 64 GPUs; with fewer the accumulation follows.
Published: fine-tuned 84.8 top-1 on Kinetics-400, 3 x 7 views (SlowFast MODEL_ZOO), 84.35 with the released file of
    400 epochs (mae_st README).
The warm-up is the default of mae_st's script.
"""

_base_ = '_base_/maest_pretrain.py'
recipe = dict(method='MAE-ST', epochs=400, data='Kinetics-400')
model = dict(encoder=dict(arch='vit3d_large_patch16'))
train_cfg = dict(type='TrainLoop', effective_batch=512, epochs=400)
train_dataloader = dict(batch_size=8)
param_scheduler = dict(type='WarmupCosine', warmup=5)

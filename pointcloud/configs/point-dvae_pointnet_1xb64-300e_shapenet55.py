"""The tokenizer behind Point-BERT's targets: 8192 words for groups of 32 points.

Command: mimbench pretrain pointcloud/configs/point-dvae_pointnet_1xb64-300e_shapenet55.py --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-BERT cfgs/ShapeNet55_models/dvae.yaml for groups, vocabulary and batch.
An approximation (see pointcloud/tokens.py); nothing published is comparable. The run directory gets
tokenizer.safetensors.
"""

_base_ = ['_base_/shapenet55_1k.py', '_base_/adamw_300e.py']
recipe = dict(method='Point-dVAE', epochs=300, data='ShapeNet-55')
model = dict(type='PointTokenizer', num_points=1024, num_groups=64, group_size=32, vocabulary=8192, width=256)
train_dataloader = dict(batch_size=64)
train_cfg = dict(effective_batch=64)
optim_wrapper = dict(optimizer=dict(lr=5e-4), paramwise_cfg=dict(no_decay=['1d']))
param_scheduler = dict(start=2e-3, end=2e-3)

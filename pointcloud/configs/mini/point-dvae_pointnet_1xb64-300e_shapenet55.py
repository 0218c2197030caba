"""The tokenizer of point groups in mini size: 64 words for groups of 16 points.

Command: mimbench pretrain pointcloud/configs/mini/point-dvae_pointnet_1xb64-300e_shapenet55.py --data FOLDER
--work-dir runs/point-dvae
"""

_base_ = '../_base_/mini.py'
recipe = dict(method='Point-dVAE', epochs=20)
model = dict(type='PointTokenizer', num_points=512, num_groups=32, group_size=16, vocabulary=64, width=64)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d']))

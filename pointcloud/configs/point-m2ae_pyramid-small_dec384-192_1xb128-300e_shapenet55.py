"""Point-M2AE, ShapeNet-55, 300 epochs, batch 128: 512, 256 and 64 groups of 2048 points, 80 % of the coarsest hidden.

Command: mimbench pretrain pointcloud/configs/point-m2ae_pyramid-small_dec384-192_1xb128-300e_shapenet55.py --work-dir
DIR
Hardware: 1 GPU of 24 GB. Source: Point-M2AE cfgs/pre-training/point-m2ae.yaml, tools/builder.py. The cosine is one of
400 epochs, of which 300 are trained. Whatever has 'token' in its published name does not decay: the mask token, the
group embeddings (`token_embed`) and the propagation between levels (`token_prop`).
Published: fine-tuned ModelNet40 93.43 without votes, ScanObjectNN PB-T50-RS 86.43, linear SVM 92.87 (README).
"""

_base_ = ['_base_/shapenet55_1k.py', '_base_/adamw_300e.py']
recipe = dict(method='Point-M2AE', epochs=300, data='ShapeNet-55')
model = dict(
    type='MaskedPyramid',
    num_points=2048,
    masking=dict(type='RandomMasking', ratio=0.8, rounding='floor(hidden)'),
    encoder=dict(type='PyramidEncoder', arch='point_pyramid_small', masked='drop', drop_path_rate=0.1),
    head=dict(type='PyramidDecoder', heads=6, drop_path_rate=0.1),
)
train_dataloader = dict(batch_size=128, dataset=dict(transform=dict(num_points=2048)))
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.patch_embed.*', '*.propagation.*']))
param_scheduler = dict(length=400)

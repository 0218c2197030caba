"""SelfMedMAE's pre-training but for ratio, data and length: ViT-B/16, decoder 384 x 8 x 12, 6 volumes x 4 crops.

Source: cvlab-stonybrook/SelfMedMAE (configs/mae3d_*.yaml, lib/data/med_transforms.py, lib/utils.py). The learning rate
is 6.4e-3 x 6 / 256, which counts volumes. Targets are the voxels of a patch after a LayerNorm without weights.
The released code reads labels here: half of the crops have their middle in an organ. For volumes without labels, crops
lie anywhere with `--cfg-options train_dataloader.dataset.labels=False`, which is another recipe. The list is that of
fine-tuning, 18 volumes, so that none of the 12 for validation is seen.
"""

_base_ = './btcv_pretrain.py'
model = dict(
    encoder=dict(
        type='ViTEncoder',
        arch='vit3d_base_patch16',
        patch_size=(16, 16, 16),
        masked='drop',
        position='sincos-3d',
        init='xavier',
    ),
    head=dict(type='TransformerDecoder', width=384, depth=8, heads=12, position='sincos-3d'),
    target=dict(type='Pixels', normalise='patch-biased'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    batch_size=24,
    dataset=dict(
        source=dict(file='data/btcv/transunet.json'), labels=True, crop=dict(positive=1, negative=1, flip=0.2)
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=24)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', lr=6.4e-3 * 6 / 256, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d']),
)
default_hooks = dict(save=dict(interval=100), pictures=dict(interval=500))

"""BTCV with UNETR: crops and windows of 96 voxels of 1.5 x 1.5 x 2 mm, Hounsfield units -175 to 250 as 0 to 1.

Orientation, spacing, window, foreground, crops (organ to background 1:1, four of each volume), flips 0.2 per axis,
quarter turns 0.2, intensities scaled and shifted by 0.1 with probability 0.1, Dice and cross-entropy: the same in
UNETR, SwinUNETR and SelfMedMAE (Project-MONAI/research-contributions, cvlab-stonybrook/SelfMedMAE). Windows overlap
by half, with gaussian weights. Batches count crops: four for each volume of the published batch.
"""

custom_imports = dict(imports=['medical'])
__names = {
    '0': 'background',
    '1': 'spleen',
    '2': 'right kidney',
    '3': 'left kidney',
    '4': 'gallbladder',
    '5': 'esophagus',
    '6': 'liver',
    '7': 'stomach',
    '8': 'aorta',
    '9': 'inferior vena cava',
    '10': 'portal and splenic vein',
    '11': 'pancreas',
    '12': 'right adrenal gland',
    '13': 'left adrenal gland',
}
__prepare = dict(type='PrepareVolume', orientation='RAS', spacing=(1.5, 1.5, 2.0), window=(-175, 250), foreground=True)
task = dict(
    type='SegmentVolumes',
    groups=dict(
        eight=['aorta', 'gallbladder', 'left kidney', 'right kidney', 'liver', 'pancreas', 'spleen', 'stomach']
    ),
)
model = dict(
    type='VolumeSegmenter',
    image_size=(96, 96, 96),
    channels=1,
    mean=(0.0,),
    std=(1.0,),
    taps=(3, 6, 9),
    feature_size=16,
    encoder=dict(
        arch='vit3d_base_patch16', arch_args=dict(patch_size=(16, 16, 16)), position='sincos-3d', drop_path_rate=0.1
    ),
)
train_dataloader = dict(
    batch_size=24,
    num_workers=4,
    dataset=dict(
        type='VolumeDataset',
        source=dict(
            type='CaseList',
            file='data/btcv/dataset_0.json',
            part='training',
            names=__names,
        ),
        labels=True,
        crops=4,
        prepare=__prepare,
        crop=dict(
            type='CropVolume',
            size=(96, 96, 96),
            positive=1,
            negative=1,
            flip=0.2,
            rotate90=0.2,
            scale=(0.1, 0.1),
            shift=(0.1, 0.1),
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    dataset=dict(
        type='VolumeDataset',
        source=dict(
            type='CaseList',
            file='data/btcv/dataset_0.json',
            part='validation',
            names=__names,
        ),
        labels=True,
        prepare=__prepare,
    ),
)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', 'tokens'], layer_decay=0.75),
)
default_hooks = dict(save=dict(interval=100), pictures=None)
custom_hooks = [dict(type='EvalHook', interval=500)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

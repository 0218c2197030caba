"""What all UNETR recipes share: data sets in one layout, augmentation, AdamW with layer decay, hooks.

Crops have their middle in an organ or in the background of the body, 1:1; flips and quarter turns with probability 0.2,
intensities scaled and shifted by 0.1 with probability 0.1: the same in UNETR, SwinUNETR and SelfMedMAE
(Project-MONAI/research-contributions, cvlab-stonybrook/SelfMedMAE). The validation part takes preparation and names
from the training part.
"""

custom_imports = dict(imports=['medical'])
task = dict(type='SegmentVolumes')
model = dict(type='VolumeSegmenter', channels=1)
train_dataloader = dict(
    dataset=dict(
        type='VolumeDataset',
        source=dict(type='CaseList', part='training'),
        labels=True,
        prepare=dict(type='PrepareVolume', orientation='RAS', window=(-175, 250)),
        crop=dict(
            type='CropVolume', positive=1, negative=1, flip=0.2, rotate90=0.2, scale=(0.1, 0.1), shift=(0.1, 0.1)
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    dataset=dict(type='VolumeDataset', source=dict(type='CaseList', part='validation'), labels=True),
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

"""BTCV for pre-training: crops of 96 voxels of 1.5 x 1.5 x 2 mm, Hounsfield units -175 to 250 as 0 to 1.

Orientation, spacing, window, foreground and four crops of each volume and epoch are the same in SelfMedMAE and
MIM-Med3D (cvlab-stonybrook/SelfMedMAE, ZEKAICHEN/MIM-Med3D). Batches count crops: four for each volume of the published
batch, which come from more volumes here, because crops are shuffled one by one.
"""

custom_imports = dict(imports=['medical'])
model = dict(type='MaskedModel', image_size=(96, 96, 96), channels=1, mean=(0.0,), std=(1.0,))
train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='VolumeDataset',
        source=dict(type='CaseList', file='data/btcv/dataset_0.json'),
        crops=4,
        prepare=dict(
            type='PrepareVolume', orientation='RAS', spacing=(1.5, 1.5, 2.0), window=(-175, 250), foreground=True
        ),
        crop=dict(type='CropVolume', size=(96, 96, 96)),
    ),
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

"""BTCV without labels: crops of 96 voxels of 1.5 x 1.5 x 2 mm, Hounsfield units -175 to 250 as 0 to 1.

Orientation, spacing, window and foreground as in UNETR, SwinUNETR and SelfMedMAE (cvlab-stonybrook/SelfMedMAE and
Project-MONAI/research-contributions). One crop per volume and epoch is not confirmed by our sources.
"""

custom_imports = dict(imports=['medical'])
model = dict(type='MaskedModel', image_size=(96, 96, 96), channels=1, mean=(0.0,), std=(1.0,))
train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='VolumeDataset',
        source=dict(type='CaseList', file='data/btcv/dataset_0.json'),
        prepare=dict(
            type='PrepareVolume', orientation='RAS', spacing=(1.5, 1.5, 2.0), window=(-175, 250), foreground=True
        ),
        crop=dict(type='CropVolume', size=(96, 96, 96), flip=0.2),
    ),
)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
randomness = dict(seed=0)

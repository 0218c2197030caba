"""MSD Task01 (BraTS): crops of 128 voxels, four channels, each standardised over the nonzero voxels of the crop.

Source: cvlab-stonybrook/SelfMedMAE. The list comes without a validation part: fold 0 of 5, by name, is kept back; the
released code takes fold 0 of MONAI's CrossValidation(nfolds=5, seed=12345), which are other volumes.
"""

_base_ = './selfmedmae.py'
model = dict(image_size=(128, 128, 128), channels=4, mean=(0.0,) * 4, std=(1.0,) * 4)
train_dataloader = dict(
    dataset=dict(
        source=dict(file='data/Task01_BrainTumour/dataset.json', fold=0, folds=5),
        channels=4,
        prepare=dict(
            _delete_=True, type='PrepareVolume', orientation='RAS', spacing=(1.0, 1.0, 1.0), standardise='nonzero'
        ),
        crop=dict(size=(128, 128, 128), threshold='nonzero', standardise='nonzero'),
    )
)

"""SelfMedMAE's UNETR on MSD BraTS: tumour core, whole tumour and enhancing tumour, crops of 128 voxels, 300 epochs.

Command: mimbench transfer medical/configs/selfmedmae_vit3d-base-p16_unetr_1xb6-300e_msdbrats.py --checkpoint FILE
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). The regions are written in the names of MSD's own list (as remembered, not
confirmed), so that a release whose ids mean something else is refused. SelfMedMAE's converter takes id 2 for the
enhancing tumour, so its ET may be another.
Published: mean Dice 0.789, from scratch 0.774 (abstract of the paper), the best epoch on the validation volumes. An
approximation: the split is fold 0 of 5 by name, not that of MONAI's CrossValidation with seed 12345, and whole volumes
are scored without the cut to the foreground that the released code makes.
"""

_base_ = '_base_/selfmedmae_unetr.py'
recipe = dict(method='SelfMedMAE', epochs=300, published=dict(dice=0.789), source='SelfMedMAE, abstract')
protocol = dict(id='msdbrats-unetr-fold0of5-300e', version=2, metric='dice', higher_is_better=True, init_stage='mim')
task = dict(groups=None)
model = dict(
    image_size=(128, 128, 128),
    channels=4,
    mean=(0.0,) * 4,
    std=(1.0,) * 4,
    regions=dict(
        TC=['non-enhancing tumor', 'enhancing tumour'],
        WT=['edema', 'non-enhancing tumor', 'enhancing tumour'],
        ET=['enhancing tumour'],
    ),
)
train_dataloader = dict(
    batch_size=6,
    dataset=dict(
        source=dict(file='data/Task01_BrainTumour/dataset.json', names=None, fold=0, folds=5),
        channels=4,
        crops=1,
        prepare=dict(
            _delete_=True, type='PrepareVolume', orientation='RAS', spacing=(1.0, 1.0, 1.0), standardise='nonzero'
        ),
        crop=dict(size=(128, 128, 128), threshold='nonzero', standardise='nonzero'),
    ),
)
val_dataloader = dict(
    dataset=dict(source=dict(file='data/Task01_BrainTumour/dataset.json', fold=0, folds=5), channels=4)
)
train_cfg = dict(type='TrainLoop', effective_batch=6, epochs=300)
optim_wrapper = dict(optimizer=dict(lr=1.72e-2 * 6 / 256))
param_scheduler = dict(type='WarmupCosine', warmup=10)

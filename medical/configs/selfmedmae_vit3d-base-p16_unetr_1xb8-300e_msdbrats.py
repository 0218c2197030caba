"""SelfMedMAE's UNETR on MSD BraTS: tumour core, whole tumour and enhancing tumour, crops of 128 voxels, 300 epochs.

Command: mimbench transfer medical/configs/selfmedmae_vit3d-base-p16_unetr_1xb8-300e_msdbrats.py --checkpoint FILE
    --data LIST.json
Hardware: one GPU of 80 GB (not measured). The regions are written in the names of MSD's own list (as remembered, not
confirmed), so that a release whose ids mean something else is refused. SelfMedMAE's converter takes id 2 for the
enhancing tumour, so its ET may be another.
Published: mean Dice 0.789, from scratch 0.774 (abstract of the paper). The split (fold 0 of 5, by name), batch,
learning rate and warm-up are not the published ones or not in our sources: an approximation.
"""

_base_ = '_base_/btcv_unetr.py'
recipe = dict(method='SelfMedMAE', epochs=300, published=dict(dice=0.789), source='SelfMedMAE, abstract')
protocol = dict(id='msdbrats-unetr-fold0of5-300e', version=1, metric='dice', higher_is_better=True, init_stage='mim')
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
    batch_size=8,
    dataset=dict(
        source=dict(file='data/Task01_BrainTumour/dataset.json', names=None, fold=0, folds=5),
        channels=4,
        crops=1,
        prepare=dict(
            _delete_=True, type='PrepareVolume', orientation='RAS', spacing=(1.0, 1.0, 1.0), standardise='nonzero'
        ),
        crop=dict(size=(128, 128, 128)),
    ),
)
val_dataloader = dict(
    dataset=dict(
        source=dict(file='data/Task01_BrainTumour/dataset.json', names=None, fold=0, folds=5),
        channels=4,
        prepare=dict(
            _delete_=True, type='PrepareVolume', orientation='RAS', spacing=(1.0, 1.0, 1.0), standardise='nonzero'
        ),
    )
)
train_cfg = dict(type='TrainLoop', effective_batch=8, epochs=300)
optim_wrapper = dict(optimizer=dict(lr=4e-4))
param_scheduler = dict(type='WarmupCosine', warmup=10)

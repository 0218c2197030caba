"""BTCV with UNETR: crops and windows of 96 voxels of 1.5 x 1.5 x 2 mm, Hounsfield units -175 to 250 as 0 to 1.

Orientation, spacing, window, foreground and four crops of each volume are the same in UNETR, SwinUNETR, SelfMedMAE and
MIM-Med3D (Project-MONAI/research-contributions, cvlab-stonybrook/SelfMedMAE, ZEKAICHEN/MIM-Med3D). The last two score
prepared volumes, and average windows without weights. Batches count crops: four for each volume of the published batch,
which come from more volumes here, because crops are shuffled one by one.
"""

_base_ = './unetr.py'
task = dict(
    grid='prepared',
    groups=dict(
        eight=['aorta', 'gallbladder', 'left kidney', 'right kidney', 'liver', 'pancreas', 'spleen', 'stomach']
    ),
)
model = dict(
    image_size=(96, 96, 96),
    mean=(0.0,),
    std=(1.0,),
    taps=(3, 6, 9),
    feature_size=16,
    blend='constant',
    encoder=dict(
        arch='vit3d_base_patch16', arch_args=dict(patch_size=(16, 16, 16)), position='sincos-3d', drop_path_rate=0.1
    ),
)
train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        source=dict(
            file='data/btcv/dataset_0.json',
            names={
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
            },
        ),
        crops=4,
        prepare=dict(spacing=(1.5, 1.5, 2.0), foreground=True),
        crop=dict(size=(96, 96, 96)),
    ),
)
val_dataloader = dict(num_workers=2, dataset=dict(source=dict(file='data/btcv/dataset_0.json')))

"""VideoMAE on lung-ultrasound clips with a ViT of 2.7M parameters: tubes of .75, 4 clips of each video, one CPU.

Command: mimbench pretrain video/configs/mini/videomae_vit-xs-p8_dec96x2_1xb8-300e_pocus.py --work-dir DIR
    --cfg-options train_dataloader.dataset.source.file=data/pocus_video/clips.tsv train_dataloader.dataset.source.fold=0
Data: the training part of one of 4 folds by patient, so that no video of the validation part is seen.
Published: none; ours.
"""

_base_ = '../_base_/small.py'
recipe = dict(method='VideoMAE', epochs=300, data='POCUS lung ultrasound, training part of a fold')
model = dict(
    masking=dict(type='TubeMasking', ratio=0.75),
    encoder=dict(class_token=False, masked='drop', position='sincos-1d', init='xavier'),
    head=dict(
        type='TransformerDecoder', width=96, depth=2, heads=3, position='sincos-1d', bias=False, masked_only=True
    ),
    target=dict(type='Pixels', normalise='patch-channel-unbiased'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(
        repeats=4,
        source=dict(
            _delete_=True, type='ClipTable', file='data/pocus_video/clips.tsv', part='train', folds=4, labels=False
        ),
        sampling=dict(stride=3),
        transform=dict(size=64, crop='resized', area=(0.5, 1.0), flip=0.5),
    ),
)
train_cfg = dict(effective_batch=8, epochs=300)
param_scheduler = dict(warmup=20)
default_hooks = dict(save=dict(interval=100), pictures=dict(interval=100, count=2))

"""SwinUNETR on BTCV, 24 volumes for training and 6 for validation, 5000 epochs, from its pre-training on CT.

Command: mimbench transfer medical/configs/swinunetr_swin3d-base-p2_swinunetr_1xb4-5000e_btcv-24-6.py --checkpoint
    model_swinvit.pt --data LIST.json
Hardware: one GPU of 80 GB (not measured). LIST is MONAI's swin_unetr_btcv_dataset_0.json.
Source: Project-MONAI/research-contributions (SwinUNETR/BTCV: main.py, trainer.py, test.py, utils/data_utils.py): its
command for one GPU, batch 1 x 4 crops, no layer decay, no drop path, weight decay on all parameters, Dice without
squares; test.py scores the voxels of the files and weighs windows with a gaussian.
Published: Dice 0.8186 with windows overlapping by half, 0.8225 by 0.7 (README), of the model whose name says lr 2e-4,
trained on several GPUs whose number and batch it does not say; the epoch is the best on these validation volumes, here
the last one. An approximation: the rate rises and falls with every update, there with every epoch, mixed precision is
left out, and both parts of the Dice loss have 1e-5 there, only the denominator 1e-6 here. Not confirmed: which of
MONAI's versions the model was trained with, and with it how patches were merged; an organ that a label lacks counts 0
there and not at all here.
"""

_base_ = '_base_/btcv_unetr.py'
recipe = dict(
    method='Swin UNETR',
    epochs=5000,
    published=dict(dice=0.8186),
    source='Project-MONAI/research-contributions SwinUNETR/BTCV README, self-supervised',
)
protocol = dict(id='btcv-24-6-swinunetr-5000e', version=1, metric='dice', higher_is_better=True, init_stage='mim')
task = dict(grid='stored', groups=None)
model = dict(
    _delete_=True,
    type='VolumeSegmenter',
    head='swinunetr',
    image_size=(96, 96, 96),
    channels=1,
    mean=(0.0,),
    std=(1.0,),
    squared=False,
    blend='gaussian',
    encoder=dict(arch='swin3d_base_patch2'),
)
train_dataloader = dict(batch_size=4)
train_cfg = dict(type='TrainLoop', effective_batch=4, epochs=5000)
optim_wrapper = dict(
    optimizer=dict(lr=1e-4, weight_decay=1e-5),
    paramwise_cfg=dict(_delete_=True, no_decay=[]),
)
param_scheduler = dict(type='WarmupCosine', warmup=50)

"""MAE on the hippocampus volumes of MSD Task04: crops of 32 voxels, patches of 8, ratio 0.75, 100 epochs, batch 16.

Command: mimbench pretrain medical/configs/mini/mae_vit3d-tiny-p8_dec48x2_1xb16-100e_hippocampus.py --data LIST.json
Hardware: a CPU. Nothing is flipped, because front and behind are what the classes of the transfer are about.
"""

_base_ = '../_base_/mini_volumes.py'
recipe = dict(method='MAE', epochs=100)
model = dict(
    image_size=(32, 48, 32),
    mean=(0.53,),
    std=(0.254,),
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(masked='drop', position='sincos-3d', init='xavier'),
    head=dict(type='TransformerDecoder', width=48, depth=2, heads=4, position='sincos-3d'),
    target=dict(type='Pixels', normalise='patch'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        prepare=dict(_delete_=True, type='PrepareVolume', orientation='RAS', percentiles=(0.5, 99.5)),
        crop=dict(size=(32, 48, 32), flip=0.0),
    ),
)
train_cfg = dict(effective_batch=16, epochs=100)
param_scheduler = dict(warmup=5)
default_hooks = dict(save=dict(interval=50), pictures=dict(interval=50))

"""UNETR on the hippocampus volumes of MSD Task04 (anterior and posterior part), 20 epochs, batch 8.

Command: mimbench transfer medical/configs/mini/mae_vit3d-tiny-p8_unetr_1xb8-20e_hippocampus.py --checkpoint FILE
    --data LIST.json --work-dir DIR
Hardware: a CPU. Intensities are scaled by the percentiles of each volume; nothing is flipped, because
the classes are what lies in front and behind.
"""

_base_ = '../_base_/mini_unetr.py'
recipe = dict(method='MAE', epochs=20)
protocol = dict(id='hippocampus-mini-unetr-20e')
model = dict(image_size=(32, 48, 32), mean=(0.53,), std=(0.254,))
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        prepare=dict(_delete_=True, type='PrepareVolume', orientation='RAS', percentiles=(0.5, 99.5)),
        crop=dict(size=(32, 48, 32), flip=0.0, rotate90=0.0),
    ),
)
train_cfg = dict(effective_batch=8, epochs=20)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = dict(warmup=1)
custom_hooks = [dict(type='EvalHook', interval=5)]

"""UNETR on small volumes on a CPU: crops and windows of 32 voxels, patches of 8, feature size 8."""

_base_ = './unetr.py'
protocol = dict(id='volumes-mini-unetr-32', version=2, metric='dice', higher_is_better=True, init_stage='mim')
model = dict(
    image_size=(32, 32, 32),
    mean=(0.253,),
    std=(0.245,),
    taps=(1, 2),
    feature_size=8,
    encoder=dict(
        arch='vit3d_tiny_patch16',
        arch_args=dict(patch_size=(8, 8, 8), embed_dim=96, depth=4, num_heads=4),
        position='sincos-3d',
    ),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(source=dict(file='runs/demo/volumes/dataset.json'), crop=dict(size=(32, 32, 32))),
)
val_dataloader = dict(num_workers=0, dataset=dict(source=dict(file='runs/demo/volumes/dataset.json')))
train_cfg = dict(type='TrainLoop', effective_batch=4, epochs=20)
optim_wrapper = dict(clip_grad=dict(max_norm=5.0), optimizer=dict(lr=1e-3))
param_scheduler = dict(type='WarmupCosine', warmup=2)
default_hooks = dict(save=dict(interval=10))
custom_hooks = [dict(type='EvalHook', interval=10)]

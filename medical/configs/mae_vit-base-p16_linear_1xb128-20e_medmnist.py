"""Linear probe on a MedMNIST set at 224 pixels, grey repeated to three channels.

Command: mimbench transfer medical/configs/mae_vit-base-p16_linear_1xb128-20e_medmnist.py --checkpoint FILE
    --data SET_224.npz
Hardware: one GPU. Published: nothing comparable (our protocol; MedMNIST's own networks are trained from scratch).
"""

_base_ = '_base_/nih_finetune.py'
recipe = dict(method='MAE', epochs=20)
protocol = dict(id='medmnist-linear-20e', version=1, metric='auc', higher_is_better=True, init_stage='mim')
model = dict(
    probe=True,
    num_classes=None,
    multi_label=False,
    encoder=dict(arch='vit_base_patch16_224'),
    mean=(0.5,) * 3,
    std=(0.25,) * 3,
)
train_dataloader = dict(
    batch_size=128,
    dataset=dict(
        source=dict(_delete_=True, type='FindingArray', file='data/medmnist/pneumoniamnist_224.npz', part='train'),
        transform=dict(_delete_=True, type='EvalAugment', resize=224, crop=224),
    ),
)
val_dataloader = dict(
    dataset=dict(
        source=dict(_delete_=True, type='FindingArray', file='data/medmnist/pneumoniamnist_224.npz', part='val'),
        transform=dict(resize=224),
    )
)
train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=20)
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.0), paramwise_cfg=dict(no_decay=['1d']))
param_scheduler = dict(warmup=1, end=0.0)

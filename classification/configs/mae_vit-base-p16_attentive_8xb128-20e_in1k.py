"""Attentive probe of a frozen ViT-B/16, ImageNet-1k, 20 epochs, batch 1024.

Command: tools/dist_train.sh transfer classification/configs/mae_vit-base-p16_attentive_8xb128-20e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs.
Published: nothing comparable at hand.
The head, its optimiser, learning rate, weight decay and clipping are those of V-JEPA's probe on videos
(facebookresearch/jepa, configs/evals); the batch and the augmentation, crops and mirroring, are MAE's linear probe's.
"""

_base_ = '_base_/linear_lars.py'
recipe = dict(method='MAE', epochs=20)
protocol = dict(id='in1k-attentive-20e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(type='AttentiveProbe', pool='mean', encoder=dict(arch='vit_base_patch16_224', position='sincos-xy'))
train_cfg = dict(effective_batch=1024, epochs=20)
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(
    clip_grad=dict(max_norm=1.0),
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01),
    paramwise_cfg=dict(no_decay=['1d']),
)
param_scheduler = dict(_delete_=True, type='WarmupCosine')

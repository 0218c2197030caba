"""Fine-tuning of VideoMAE ViT-B/16, UCF101 split 1, 100 epochs, batch 128.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-base-p16_ft_8xb16-100e_ucf101.py 8 --checkpoint FILE
Hardware: 8 GPUs as published; with fewer the accumulation follows.
Published: top-1 91.3 after 3200 epochs on UCF101 alone (MCG-NJU/VideoMAE MODEL_ZOO.md).
"""

_base_ = '_base_/finetune_ucf101.py'
recipe = dict(method='VideoMAE', epochs=100, published=dict(top1=0.913), source='MCG-NJU/VideoMAE MODEL_ZOO.md')
protocol = dict(id='ucf101-finetune-videomae-b-100e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit3d_base_patch16', drop_path_rate=0.2), head_dropout=0.5)
train_cfg = dict(type='TrainLoop', effective_batch=128, epochs=100)
train_dataloader = dict(batch_size=16, dataset=dict(repeats=2))
optim_wrapper = dict(optimizer=dict(lr=dict(base=5e-4, per=256)), paramwise_cfg=dict(layer_decay=0.7))
param_scheduler = dict(type='WarmupCosine', warmup=5, start=1e-8 / 5e-4, end=1e-5 / 5e-4)

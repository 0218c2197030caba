"""SelfMedMAE fine-tuning of ViT-B/16 on ChestX-ray14, 100 epochs, batch 256.

Command: mimbench transfer medical/configs/selfmedmae_vit-base-p16_ft_8xb32-100e_nih.py --checkpoint FILE
Hardware: GPUs of 24 GB or more (not measured).
Source: cvlab-stonybrook/SelfMedMAE (configs/vit_finetune_cxr14.yaml, lib/trainers/vit_trainer.py: lr 1e-3, layer decay
0.75, drop path 0.1, no mixup, crops from 0.08, RandAugment m9, mean 0.5, deviation 0.225, trainval_list and test_list).
RandAugment's own interpolation is bilinear here and drawn there. Published: 9.4 points of AUC above scratch.
"""

_base_ = '_base_/nih_finetune.py'
recipe = dict(method='SelfMedMAE', epochs=100, source='cvlab-stonybrook/SelfMedMAE')
protocol = dict(id='nih14-finetune-selfmedmae-100e', version=2, metric='auc', higher_is_better=True, init_stage='mim')
model = dict(mean=(0.5,) * 3, std=(0.225,) * 3, encoder=dict(arch='vit_base_patch16_224', drop_path_rate=0.1))
train_dataloader = dict(
    batch_size=32,
    dataset=dict(transform=dict(rand_augment='rand-m9-mstd0.5-inc1', interpolation='bilinear', fill=(0.5,) * 3)),
)
val_dataloader = dict(dataset=dict(transform=dict(interpolation='bilinear')))
train_cfg = dict(type='TrainLoop', effective_batch=256, epochs=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=dict(layer_decay=0.75))
param_scheduler = dict(end=0.0)

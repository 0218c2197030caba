"""medical_mae fine-tuning of ViT-S/16 on ChestX-ray14, official split, 75 epochs, batch 1024.

Command: mimbench transfer medical/configs/medicalmae_vit-small-p16_ft_8xb128-75e_nih.py --checkpoint FILE
Hardware: GPUs of 24 GB or more (not measured).
Source: lambert-x/medical_mae (FINETUNE.md: layer decay 0.55, drop path 0.2, RandAugment m6, lr 2.5e-4 x batch / 256, at
the end 1e-5, warm-up 5 epochs).
Published: mean AUC 0.823 (README), the best epoch on the test list; here the last epoch is scored.
"""

_base_ = '_base_/nih_finetune.py'
recipe = dict(method='medical_mae', epochs=75, published=dict(auc=0.823), source='lambert-x/medical_mae README')
protocol = dict(
    id='nih14-official-finetune-medicalmae-75e', version=2, metric='auc', higher_is_better=True, init_stage='mim'
)
model = dict(encoder=dict(arch='vit_small_patch16_224', drop_path_rate=0.2))
train_dataloader = dict(batch_size=128)
train_cfg = dict(type='TrainLoop', effective_batch=1024, epochs=75)
optim_wrapper = dict(optimizer=dict(lr=dict(base=2.5e-4, per=256)), paramwise_cfg=dict(layer_decay=0.55))

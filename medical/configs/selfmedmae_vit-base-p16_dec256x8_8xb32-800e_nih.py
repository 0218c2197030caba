"""SelfMedMAE ViT-B/16 on ChestX-ray14 itself: ratio 0.75, crops from 0.08, decoder 256 x 8 x 8, 800 epochs, batch 256.

Command: mimbench pretrain medical/configs/selfmedmae_vit-base-p16_dec256x8_8xb32-800e_nih.py --data FOLDER
Hardware: GPUs of 40 GB or more (not measured).
Source: cvlab-stonybrook/SelfMedMAE (configs/mae_cxr14.yaml, lib/trainers/mae_trainer.py: bilinear crops, mean 0.5,
deviation 0.225). An approximation in the loss: the released model has one over Fourier features of the pixels whose
settings the YAML lacks; here it is the squared error of normalised patches.
Published after fine-tuning: 9.4 points of AUC above scratch.
"""

_base_ = '_base_/xray_pretrain.py'
recipe = dict(method='SelfMedMAE', epochs=800, data='ChestX-ray14')
model = dict(
    mean=(0.5,) * 3,
    std=(0.225,) * 3,
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(type='ViTEncoder', arch='vit_base_patch16_224', masked='drop', position='sincos-xy', init='xavier'),
    head=dict(type='TransformerDecoder', width=256, depth=8, heads=8),
    target=dict(type='Pixels', normalise='patch'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(batch_size=32, dataset=dict(transform=dict(scale=(0.08, 1.0), interpolation='bilinear')))
train_cfg = dict(type='TrainLoop', effective_batch=256, epochs=800)

"""medical_mae ViT-S/16 on chest X-rays: ratio 0.90, crops of half to all of the image, 800 epochs, batch 2048.

Command: mimbench pretrain medical/configs/medicalmae_vit-small-p16_dec512x2_8xb256-800e_cxr.py --data FOLDER
Hardware: GPUs of 40 GB or more (not measured).
Source: lambert-x/medical_mae (CheXpert and NIH, 0.3 million images; PRETRAIN.md, models_mae.py). Its command
does not ask for normalised targets, so they are plain pixels. An approximation: there CheXpert and MIMIC are
normalised with the mean and deviation of ImageNet, here all images with those of ChestX-ray14.
Published after fine-tuning on ChestX-ray14: mean AUC 0.823.
"""

_base_ = '_base_/xray_pretrain.py'
recipe = dict(method='medical_mae', epochs=800, data='CheXpert, ChestX-ray14')
model = dict(
    masking=dict(type='RandomMasking', ratio=0.9),
    encoder=dict(type='ViTEncoder', arch='vit_small_patch16_224', masked='drop', position='sincos-xy', init='xavier'),
    head=dict(type='TransformerDecoder', width=512, depth=2, heads=16),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(batch_size=256, dataset=dict(transform=dict(scale=(0.5, 1.0))))
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=800)

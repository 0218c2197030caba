"""MAE ViT-B/16, ImageNet-1k, 800 epochs, batch 4096.

Command: tools/dist_train.sh pretrain pretrain/configs/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py 8
Hardware: 8 GPUs of 80 GB; with less memory lower train_dataloader.batch_size, the accumulation follows.
Cost: 58.7 GFLOP an image forward and backward, about 17 h on 8 A100 at 40 % of their peak (calculated, not measured).
Published: fine-tuned top-1 83.3 after 800 epochs (facebookresearch/mae#30), 83.6 after 1600 (FINETUNE.md).
"""

_base_ = ['_base_/imagenet.py', '_base_/mae_adamw.py']
recipe = dict(method='MAE', epochs=800, data='ImageNet-1k')
model = dict(
    type='MaskedModel',
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(type='ViTEncoder', arch='vit_base_patch16_224', masked='drop', position='sincos-xy', init='xavier'),
    head=dict(type='TransformerDecoder', width=512, depth=8, heads=16),
    target=dict(type='Pixels', normalise='patch'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(batch_size=512, dataset=dict(transform=dict(scale=(0.2, 1.0))))

"""BEiT fine-tuning of ViT-L/16, ImageNet-1k, 50 epochs, batch 1024, absolute learning rate 1e-3.

Command: tools/dist_train.sh transfer classification/configs/beit_vit-large-p16_ft_8xb64-50e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 40 GB or more; two micro-batches per update.
Published: top-1 85.2 after pre-training on ImageNet-1k (BEiT's, as the table of data2vec quotes it); 86.0 from
ImageNet-22k (microsoft/unilm beit README).
"""

_base_ = './beit_vit-base-p16_ft_8xb128-100e_in1k.py'
recipe = dict(epochs=50, published=dict(top1=0.852), source='BEiT paper, as the table of data2vec quotes it')
protocol = dict(id='in1k-finetune-beit-50e')
model = dict(
    encoder=dict(arch='beit_large_patch16_224', arch_args=dict(init_values=1e-5), drop_path_rate=0.2),
)
train_dataloader = dict(batch_size=64)
train_cfg = dict(epochs=50)
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=dict(layer_decay=0.75))
param_scheduler = dict(warmup=5, end=1e-6 / 1e-3)

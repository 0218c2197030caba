"""UPerNet on BEiT ViT-B/16 as pre-trained, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/beit_vit-base-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB or more.
Published: none at hand for weights that were only pre-trained on ImageNet-1k; 53.6 belongs to `beit-ft22k` at 640.
Source: microsoft/unilm beit/semantic_segmentation. Pixels are normalised with ImageNet's statistics, as there, although
BEiT's ImageNet-22k weights were trained with 0.5.
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/upernet_vit.py', '_base_/beit_160k.py']
recipe = dict(method='BEiT')
protocol = dict(id='ade20k-upernet-512-beit', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='beit_base_patch16_224', arch_args=dict(init_values=0.1)))
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=7e-4))

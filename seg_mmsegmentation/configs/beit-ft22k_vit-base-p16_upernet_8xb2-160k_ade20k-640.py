"""UPerNet on BEiT ViT-B/16 after fine-tuning on ImageNet-22k, ADE20K, 160,000 updates of 16 crops of 640, in slides.

Command: tools/dist_train.sh transfer
    seg_mmsegmentation/configs/beit-ft22k_vit-base-p16_upernet_8xb2-160k_ade20k-640.py 8
    --checkpoint FILE --data ADEChallengeData2016
FILE is beit_base_patch16_224_pt22k_ft22k: its labels are part of the score.
Hardware: 8 GPUs of 24 GB (15.88 GB in MMSegmentation).
Published: mIoU 53.6, multi-scale 54.2 (microsoft/unilm beit README); 53.08, multi-scale 53.84 in MMSegmentation.
Source: microsoft/unilm beit/semantic_segmentation. Pixels are normalised with ImageNet's statistics, as there, although
the weights were trained with 0.5.
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_640.py', '_base_/upernet_vit.py', '_base_/beit_160k.py']
recipe = dict(method='BEiT', published=dict(mIoU=0.536), source='microsoft/unilm beit README')
protocol = dict(
    id='ade20k-upernet-640-beit', version=1, metric='mIoU', higher_is_better=True, init_stage='mim+ft-in22k'
)
model = dict(
    data_preprocessor=dict(size=(640, 640)),
    backbone=dict(image_size=640, arch='beit_base_patch16_224', arch_args=dict(init_values=0.1)),
    test_cfg=dict(crop_size=(640, 640), stride=(426, 426)),
)
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=3e-5), paramwise_cfg=dict(layer_decay=0.9))

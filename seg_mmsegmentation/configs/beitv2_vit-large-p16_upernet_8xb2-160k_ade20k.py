"""UPerNet on BEiT v2 ViT-L/16 as pre-trained, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/beitv2_vit-large-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 32 GB or more.
Published: mIoU 56.7 (microsoft/unilm beit2 README).
Source: microsoft/unilm beit2/semantic_segmentation configs/beit/upernet.
"""

_base_ = './beitv2_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(published=dict(mIoU=0.567))
protocol = dict(id='ade20k-upernet-512-beitv2-large')
model = dict(
    backbone=dict(
        arch='beit_large_patch16_224',
        arch_args=dict(init_values=1e-6),
        levels=[7, 11, 15, 23],
        drop_path_rate=0.2,
    ),
    decode_head=dict(channels=1024),
)
optim_wrapper = dict(optimizer=dict(lr=4e-5), paramwise_cfg=dict(layer_decay=0.9))

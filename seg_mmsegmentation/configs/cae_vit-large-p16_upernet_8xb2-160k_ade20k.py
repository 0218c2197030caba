"""UPerNet on CAE ViT-L/16 of 1600 epochs, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/cae_vit-large-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 32 GB or more.
Published: mIoU 54.9 (lxtGH/CAE README); 54.6 at learning rate 5e-5.
Source: lxtGH/CAE downstream_tasks/semantic_segmentation configs_local/cae/upernet; approximation as for ViT-B.
"""

_base_ = './cae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(published=dict(mIoU=0.549))
protocol = dict(id='ade20k-upernet-512-cae-large')
model = dict(
    backbone=dict(
        arch='beit_large_patch16_224',
        arch_args=dict(init_values=1e-5),
        levels=[7, 11, 15, 23],
        drop_path_rate=0.15,
    ),
    decode_head=dict(channels=1024),
)
optim_wrapper = dict(optimizer=dict(lr=4e-5), paramwise_cfg=dict(layer_decay=0.95))

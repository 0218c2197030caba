"""UPerNet on iBOT ViT-S/16, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/ibot_vit-small-p16_upernet_4xb4-160k_ade20k.py 4
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 4 GPUs of 16 GB or more.
Published: mIoU 45.4 (bytedance/ibot README and paperswithcode).
Source: bytedance/ibot evaluation/README.md over configs/upernet/vit_small_512_ade20k_160k.py: learning rate 3e-5, layer
decay 0.9, and the shared final norm on all four maps.
"""

_base_ = './ibot_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(published=dict(mIoU=0.454))
protocol = dict(id='ade20k-upernet-512-ibot-small')
model = dict(backbone=dict(arch='vit_small_patch16_224'), decode_head=dict(channels=384))
train_dataloader = dict(batch_size=4)
optim_wrapper = dict(optimizer=dict(lr=3e-5), paramwise_cfg=dict(layer_decay=0.9))

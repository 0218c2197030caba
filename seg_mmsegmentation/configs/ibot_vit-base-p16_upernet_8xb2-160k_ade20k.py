"""UPerNet on iBOT ViT-B/16, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/ibot_vit-base-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB or more.
Published: mIoU 50.0 (bytedance/ibot README and paperswithcode).
Source: bytedance/ibot evaluation/README.md over configs/upernet/vit_base_512_ade20k_160k.py: learning rate 8e-5, and
the shared final norm on all four maps. Without the resized positions of the checkpoint the score falls by half
(ibot#18).
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/upernet_vit.py', '_base_/beit_160k.py']
recipe = dict(method='iBOT', published=dict(mIoU=0.500), source='bytedance/ibot README')
protocol = dict(id='ade20k-upernet-512-ibot', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(out_norm='own'))
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=8e-5))

"""A linear layer over four blocks of a frozen iBOT ViT-B/16, ADE20K, 160,000 updates of 16 crops of 512, in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/ibot_vit-base-p16_linear_4xb4-160k_ade20k.py 4
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 4 GPUs of 8 GB or more.
Published: mIoU 38.3 (bytedance/ibot README and paperswithcode); 18 to 20 where positions were not loaded (ibot#18).
Source: bytedance/ibot evaluation/README.md over configs/linear/vit_base_512_ade20k_160k.py: learning rate 8e-4 instead
of the file's 7e-4, and the shared final norm, frozen too, on all four maps. No layer decay; weights and biases decay.
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/linear_vit.py', '_base_/beit_160k.py']
recipe = dict(method='iBOT', published=dict(mIoU=0.383), source='bytedance/ibot README')
protocol = dict(id='ade20k-linear-512-ibot', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
train_dataloader = dict(batch_size=4)
optim_wrapper = dict(optimizer=dict(lr=8e-4), paramwise_cfg=dict(_delete_=True, no_decay=[]))

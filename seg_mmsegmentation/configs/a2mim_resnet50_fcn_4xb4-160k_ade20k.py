"""FCN on A2MIM ResNet-50, ADE20K, 160,000 updates of 16 crops of 512, tested on whole images.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/a2mim_resnet50_fcn_4xb4-160k_ade20k.py 4
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 4 GPUs of 16 GB or more.
Published: mIoU 38.3 (A2MIM paper, as paperswithcode lists it).
Source: Westlake-AI/A2MIM seg_mmsegmentation/configs/ade20k/fcn_r50_d8_4x4_512x512_160k_ade20k.py. Its backbone has a
deep stem (ResNetV1c), which a ResNet-50 does not have; here the stem is the checkpoint's.
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/fcn_resnet.py', '_base_/sgd_160k.py']
recipe = dict(method='A2MIM', published=dict(mIoU=0.383), source='A2MIM paper, as paperswithcode lists it')
protocol = dict(id='ade20k-fcn-512-a2mim', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
train_dataloader = dict(batch_size=4)

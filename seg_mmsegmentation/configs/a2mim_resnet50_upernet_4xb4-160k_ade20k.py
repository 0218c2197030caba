"""UPerNet on A2MIM ResNet-50, ADE20K, 160,000 updates of 16 crops of 512, tested on whole images.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/a2mim_resnet50_upernet_4xb4-160k_ade20k.py 4
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 4 GPUs of 16 GB or more.
Published: no published score: A2MIM's repository has the model but no run with it.
Source: MMSegmentation configs/upernet with the schedule of the FCN.
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/upernet_pyramid.py', '_base_/sgd_160k.py']
recipe = dict(method='A2MIM')
protocol = dict(id='ade20k-upernet-512-a2mim-r50', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='resnet50', drop_path_rate=0.0))
train_dataloader = dict(batch_size=4)

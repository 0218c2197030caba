"""UPerNet on SimMIM Swin-B, windows of 7, ADE20K, 160,000 updates of 16 crops of 512, tested on whole images.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/simmim_swin-base-w7_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB (7.61 GB in MMSegmentation).
Published: mIoU 52.8 (SimMIM's, as the README of zhangxiaosong18/hivit quotes it); whether its weights were fine-tuned
on ImageNet before is not confirmed, and SimMIM released neither code nor settings (SimMIM#31).
Approximation: the recipe is Swin's own (MMSegmentation configs/swin), with a new norm on every map.
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/upernet_pyramid.py', '_base_/swin_160k.py']
recipe = dict(method='SimMIM', published=dict(mIoU=0.528), source='README of zhangxiaosong18/hivit')
protocol = dict(id='ade20k-upernet-512-swin', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(
    backbone=dict(
        arch='swin_base_patch4_window7_224',
        timm_args=dict(window_size=7),
        out_norm='new',
        drop_path_rate=0.3,
    ),
)
train_dataloader = dict(batch_size=2)

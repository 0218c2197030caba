"""UPerNet on MAE ViT-B/16, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/mae_vit-base-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB (9.96 GB in MMSegmentation).
Published: mIoU 48.1 (MAE paper, as paperswithcode lists it), 48.15 (implus/mae_segmentation), 48.13 (MMSegmentation
configs/mae); all single scale.
Source: implus/mae_segmentation configs/mae/upernet_mae_base_12_512_slide_160k_ade20k.py. Beside MAE's positions there
are relative tables and LayerScale, zero and one at first. MMSegmentation lets the linear decay begin after the warm-up:
`--cfg-options param_scheduler.rebase=True`. The learning rate matters: both authors and users advise a sweep (mae#52).
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/upernet_vit.py', '_base_/beit_160k.py']
recipe = dict(method='MAE', published=dict(mIoU=0.4815), source='implus/mae_segmentation README')
protocol = dict(id='ade20k-upernet-512-mae', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(position='sincos-xy', tables='zero', layer_scale=1.0))
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=1e-4))

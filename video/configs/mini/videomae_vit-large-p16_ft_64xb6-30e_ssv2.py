"""Action recognition in mini size (ssv2, ViT-L), for any checkpoint; the network here is the control's.

Command: mimbench transfer video/configs/mini/videomae_vit-large-p16_ft_64xb6-30e_ssv2.py --checkpoint FILE --data
    TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='VideoMAE', epochs=20)
train_dataloader = dict(
    dataset=dict(sampling=dict(_delete_=True, type='SegmentSampling', frames=8), transform=dict(flip=0.0))
)
val_dataloader = dict(dataset=dict(sampling=dict(_delete_=True, type='SegmentSampling', frames=8, clips=2)))
protocol = dict(id='video-mini-finetune-segments-8x32px')

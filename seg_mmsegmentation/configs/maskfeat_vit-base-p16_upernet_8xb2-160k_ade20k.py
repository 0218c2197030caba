"""UPerNet on MaskFeat ViT-B/16, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/maskfeat_vit-base-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB or more.
Published: mIoU 48.8, a run of A2MIM's authors (their paper, as paperswithcode lists it); MaskFeat itself has no score
for segmentation.
Approximation: that run's settings for MaskFeat are not stated; these are A2MIM's for ViT-B.
"""

_base_ = './mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(method='MaskFeat', published=dict(mIoU=0.488), source='A2MIM paper, as paperswithcode lists it')
protocol = dict(id='ade20k-upernet-512-maskfeat')
model = dict(backbone=dict(position='learned'))

"""UPerNet on BEiT v2 ViT-L/16 after fine-tuning on ImageNet-21k, ADE20K, 160,000 updates of 16 crops of 512, in slides.

Command: tools/dist_train.sh transfer
    seg_mmsegmentation/configs/beitv2-ft21k_vit-large-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
FILE is beitv2_large_patch16_224_pt1k_ft21k: its labels are part of the score.
Hardware: 8 GPUs of 32 GB or more.
Published: mIoU 57.5 (microsoft/unilm beit2 README; 57.54 in its semantic_segmentation/README).
Source: microsoft/unilm beit2/semantic_segmentation configs/beit/upernet.
"""

_base_ = './beitv2_vit-large-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(published=dict(mIoU=0.575))
protocol = dict(id='ade20k-upernet-512-beitv2-large-ft21k', init_stage='mim+ft-in21k')
optim_wrapper = dict(optimizer=dict(lr=3e-5))

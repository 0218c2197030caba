"""UPerNet on BEiT v2 ViT-B/16 as pre-trained, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/beitv2_vit-base-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB or more.
Published: mIoU 53.1 (microsoft/unilm beit2 README).
Source: microsoft/unilm beit2/semantic_segmentation configs/beit/upernet. It passes `rel_pos_bias_interpolation_type`,
which its own backbone does not take (unilm#864); relative tables are resized geometrically here.
"""

_base_ = './beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(method='BEiT v2', published=dict(mIoU=0.531), source='microsoft/unilm beit2 README')
protocol = dict(id='ade20k-upernet-512-beitv2')
model = dict(backbone=dict(drop_path_rate=0.15))
optim_wrapper = dict(optimizer=dict(lr=5e-5), paramwise_cfg=dict(layer_decay=0.75))

"""UPerNet on BEiT ViT-L/16 after fine-tuning on ImageNet-22k, ADE20K, 160,000 updates of 16 crops of 640, in slides.

Command: tools/dist_train.sh transfer
    seg_mmsegmentation/configs/beit-ft22k_vit-large-p16_upernet_8xb1-160k_ade20k-640.py 8
    --checkpoint FILE --data ADEChallengeData2016
FILE is beit_large_patch16_224_pt22k_ft22k: its labels are part of the score.
Hardware: 8 GPUs of 32 GB (22.64 GB in MMSegmentation); two micro-batches per update.
Published: mIoU 56.7, multi-scale 57.0 (microsoft/unilm beit README); 56.33, multi-scale 56.84 in MMSegmentation.
Source: microsoft/unilm beit/semantic_segmentation: 320,000 micro-batches of 8 in pairs, warm-up over 3,000 of them.
MMSegmentation's port lets the rate reach 0 after half of them.
"""

_base_ = './beit-ft22k_vit-base-p16_upernet_8xb2-160k_ade20k-640.py'
recipe = dict(published=dict(mIoU=0.567))
protocol = dict(id='ade20k-upernet-640-beit-large')
model = dict(
    backbone=dict(
        arch='beit_large_patch16_224',
        arch_args=dict(init_values=1e-6),
        levels=[7, 11, 15, 23],
        drop_path_rate=0.2,
    ),
    decode_head=dict(channels=1024),
)
train_dataloader = dict(batch_size=1)
optim_wrapper = dict(optimizer=dict(lr=2e-5), paramwise_cfg=dict(layer_decay=0.95))

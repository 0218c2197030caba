"""UPerNet on A2MIM ViT-B/16, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/a2mim_vit-base-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB or more.
Published: mIoU 49.0 (A2MIM paper, as paperswithcode lists it).
Source: Westlake-AI/A2MIM seg_mmsegmentation/configs/ade20k/upernet_mae_base_8x2_512x512_160k_ade20k.py. Approximation:
tables and LayerScale are those of the checkpoint here, not new ones. Its upernet_beit_base_8x2_512x512 differs by a
learning rate of 4e-4; which of both gave the score is not said.
"""

_base_ = './mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
recipe = dict(method='A2MIM', published=dict(mIoU=0.490), source='A2MIM paper, as paperswithcode lists it')
protocol = dict(id='ade20k-upernet-512-a2mim')
model = dict(
    backbone=dict(
        arch='beit_base_patch16_224',
        arch_args=dict(init_values=0.1, use_abs_pos_emb=True, use_rel_pos_bias=True),
        position='learned',
        tables='own',
        layer_scale=None,
    ),
)

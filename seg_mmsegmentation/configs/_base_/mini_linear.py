"""A linear layer over four frozen blocks of a ViT of 128 x 6 with patches of 4, for 64 pixels and any plain ViT."""

_base_ = './linear_vit.py'
sync_bn = None
model = dict(
    data_preprocessor=dict(mean=None, std=None, size=(64, 64)),
    backbone=dict(
        image_size=64,
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=4, embed_dim=128, depth=6, num_heads=4),
        levels=[1, 2, 3, 5],
    ),
    test_cfg=dict(crop_size=(64, 64), stride=(64, 64)),
)

"""UPerNet in mini size over a ViT of 128 x 6 with patches of 4, for 64 pixels and any checkpoint of a plain ViT.

With patches of 4 all maps have the stride of the published finest one, so they are not resampled; for patches of 16 set
`model.backbone.four_levels=True`.
"""

_base_ = './upernet_vit.py'
sync_bn = None
model = dict(
    data_preprocessor=dict(mean=None, std=None, size=(64, 64)),
    backbone=dict(
        image_size=64,
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=4, embed_dim=128, depth=6, num_heads=4),
        levels=[1, 2, 3, 5],
        four_levels=False,
    ),
    decode_head=dict(channels=64),
    auxiliary_head=dict(channels=32),
    test_cfg=dict(crop_size=(64, 64), stride=(48, 48)),
)

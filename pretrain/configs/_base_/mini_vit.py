"""Encoders of the mini twins: width 192, depth 8, 3 heads, patches of 4 on 64 pixels; 3.6 million parameters.

The variants without and with relative positions are those of the published recipes.
"""

model = dict(
    type='MaskedModel',
    image_size=64,
    encoder=dict(type='ViTEncoder', arch='vit_tiny_patch16_224', patch_size=4, depth=8),
)

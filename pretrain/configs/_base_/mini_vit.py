"""The ViT of the mini twins: width 128, depth 6, 4 heads, patches of 4 on 32 pixels; 1.2 million parameters."""

model = dict(
    type='MaskedModel',
    image_size=32,
    encoder=dict(type='ViTEncoder', arch='vit_tiny_patch16_224', patch_size=4, embed_dim=128, depth=6, num_heads=4),
)

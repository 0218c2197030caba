"""A ViT of 2.7 million parameters on 8 frames of 64 pixels, patches of 2 x 8 x 8: for small real sets on a CPU."""

_base_ = './mini_pretrain.py'
model = dict(image_size=(8, 64, 64), encoder=dict(embed_dim=192, depth=6, num_heads=3))

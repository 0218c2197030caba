"""The networks that the dense encoders are tested with."""

VIT = {'embed_dim': 32, 'num_heads': 2, 'depth': 3, 'img_size': 224}
FAMILIES = {
    'mae': ('vit_tiny_patch16_224', VIT),
    'mae with registers': ('vit_tiny_patch16_224', {**VIT, 'reg_tokens': 2}),
    'layer scale': ('vit_tiny_patch16_224', {**VIT, 'init_values': 0.1}),
    'beit': ('beit_base_patch16_224', {**VIT, 'init_values': 0.1}),
    'beit without tables': (
        'beit_base_patch16_224',
        {**VIT, 'init_values': None, 'use_abs_pos_emb': True, 'use_rel_pos_bias': False},
    ),
    'simmim': ('beit_base_patch16_224', {**VIT, 'init_values': 0.1, 'use_abs_pos_emb': False}),
    'swin': ('swin_tiny_patch4_window7_224', {'embed_dim': 16, 'depths': [2, 2, 2, 2], 'num_heads': [1, 2, 4, 8]}),
    'resnet50': ('resnet50', {}),
    'convnext': ('convnext_atto', {}),
}

"""BEiT in mini size: ViT 128 x 6 with shared relative positions, patches of 4 on 32 pixels, own tokenizer, batch 128.

First:   mimbench pretrain pretrain/configs/mini/vq_conv_tokenizer_1xb128-10e_mini.py --data FOLDER --work-dir runs/vq
Command: mimbench pretrain pretrain/configs/mini/beit_vit-base-p16_linear_8xb256-800e_in1k.py --data FOLDER \\
             --cfg-options model.target.tokenizer=runs/vq/tokenizer.safetensors
The tokenizer is a small VQ autoencoder, not DALL-E's: results with it say nothing about BEiT's published ones.
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_vit.py', '../_base_/mini_adamw.py']
recipe = dict(method='BEiT', epochs=20, teacher_data='VQ tokenizer trained on the same images')
model = dict(
    masking=dict(type='BlockMasking', count=25, min_block=6),
    encoder=dict(
        arch='beit_base_patch16_224',
        masked='token',
        position='relative',
        use_abs_pos_emb=False,
        use_shared_rel_pos_bias=True,
        use_rel_pos_bias=False,
        init_values=0.1,
    ),
    head=dict(type='LinearHead', masked_only=True),
    target=dict(type='TokenIds', tokenizer='runs/vq/tokenizer.safetensors', view='image'),
    loss=dict(type='CrossEntropy', on='masked'),
)

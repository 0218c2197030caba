"""BEiT ViT-B/16 with DALL-E's tokenizer, ImageNet-1k, 800 epochs, batch 2048.

Command: tools/dist_train.sh pretrain pretrain/configs/beit_vit-base-p16_linear_8xb256-800e_in1k.py 8
Needs: the public encoder.pkl of OpenAI's DALL-E dVAE as data/dall-e/encoder.pkl.
Published: fine-tuned top-1 83.2 (quoted in the data2vec paper). Absolute learning rate 1.5e-3, whatever the batch.
Source: microsoft/unilm beit (README command, run_beit_pretraining.py, modeling_pretrain.py).
"""

_base_ = '_base_/imagenet.py'
recipe = dict(method='BEiT', epochs=800, data='ImageNet-1k', teacher_data='DALL-E dVAE: 250M image-text pairs')
model = dict(
    type='MaskedModel',
    masking=dict(type='BlockMasking', count=75, min_block=16),
    encoder=dict(
        type='ViTEncoder',
        arch='beit_base_patch16_224',
        masked='token',
        position='relative',
        use_abs_pos_emb=False,
        use_shared_rel_pos_bias=True,
        use_rel_pos_bias=False,
        init_values=0.1,
        drop_path_rate=0.1,
    ),
    head=dict(type='LinearHead', masked_only=True),
    target=dict(
        type='TokenIds', tokenizer=dict(type='DalleEncoder', checkpoint='data/dall-e/encoder.pkl'), view='second'
    ),
    loss=dict(type='CrossEntropy', on='masked'),
)
train_dataloader = dict(
    batch_size=256,
    dataset=dict(
        transform=dict(
            scale=(0.08, 1.0),
            color_jitter=(0.4, 0.4, 0.4),
            second=dict(size=112, interpolation='lanczos'),
        )
    ),
)
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=800)
optim_wrapper = dict(
    type='GuardedOptimWrapper',
    constructor='ParamGroups',
    clip_grad=dict(max_norm=3.0),
    optimizer=dict(type='AdamW', lr=1.5e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(no_decay=['1d', '*.cls_token']),
)
param_scheduler = dict(type='WarmupCosine', warmup=10, end=1e-5 / 1.5e-3)
default_hooks = dict(save=dict(interval=20), pictures=dict(interval=20))

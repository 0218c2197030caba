"""Point-BERT's prediction of discrete tokens, ShapeNet-55, 300 epochs, batch 128: blocks of 25 to 45 % of 64 groups.

Command: mimbench pretrain pointcloud/configs/point-bert_vit-small_linear_1xb128-300e_shapenet55.py --work-dir DIR \\
    --cfg-options model.target.tokenizer=runs/point-dvae/tokenizer.safetensors
Hardware: 1 GPU of 24 GB. Source: Point-BERT cfgs/Mixup_models/Point-BERT.yaml: 5e-4, 3 epochs of warm-up, class token,
group embedding of 256. An approximation: another tokenizer, and no contrast of mixed clouds (see
pointcloud/tokens.py). It trained on ShapeNet-55's train and test parts together.
Published: fine-tuned ModelNet40 92.67 without votes, ScanObjectNN PB-T50-RS 83.07 (Point-BERT README).
"""

_base_ = ['_base_/shapenet55_1k.py', '_base_/adamw_300e.py']
recipe = dict(method='Point-BERT', epochs=300, data='ShapeNet-55 train+test', teacher_data='ShapeNet-55')
model = dict(
    type='MaskedPoints',
    num_points=1024,
    masking=dict(type='BlockGroupMasking', ratio=(0.25, 0.45)),
    encoder=dict(
        type='PointEncoder',
        arch='point_small',
        masked='token',
        class_token=True,
        group_width=256,
        drop_path_rate=0.1,
    ),
    head=dict(type='LinearHead', masked_only=True),
    target=dict(type='GroupTokens', tokenizer='runs/point-dvae/tokenizer.safetensors'),
    loss=dict(type='CrossEntropy', on='masked'),
)
train_dataloader = dict(
    batch_size=128,
    dataset=dict(source=dict(file='data/ShapeNet55-34/ShapeNet-55/train.txt,data/ShapeNet55-34/ShapeNet-55/test.txt')),
)
optim_wrapper = dict(optimizer=dict(lr=5e-4), paramwise_cfg=dict(no_decay=['1d', '*.mask_token', '*.cls_token']))
param_scheduler = dict(warmup=3, start=2e-3, end=2e-3)

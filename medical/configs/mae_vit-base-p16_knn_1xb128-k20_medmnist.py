"""k-NN on a MedMNIST set at 224 pixels, grey repeated to three channels: cosine, 20 neighbours, mean of the tokens.

Command: mimbench transfer medical/configs/mae_vit-base-p16_knn_1xb128-k20_medmnist.py --checkpoint FILE
    --data SET_224.npz
Hardware: one GPU or a CPU. Published: nothing comparable (our protocol).
Source: facebookresearch/dino eval_knn.py for the rule and its constants. Sets with several findings per image have
probes.
"""

custom_imports = dict(imports=['medical'])
task = dict(type='KNNFindings', k=20, temperature=0.07)
recipe = dict(method='MAE')
protocol = dict(id='medmnist-knn-k20', version=1, metric='auc', higher_is_better=True, init_stage='mim')
model = dict(
    type='FrozenEncoder',
    image_size=224,
    channels=3,
    mean=(0.5,) * 3,
    std=(0.25,) * 3,
    pool='mean',
    encoder=dict(arch='vit_base_patch16_224', position='sincos-xy'),
)
train_dataloader = dict(
    batch_size=128,
    num_workers=10,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        channels=3,
        source=dict(type='FindingArray', file='data/medmnist/pneumoniamnist_224.npz', part='train'),
        transform=dict(type='EvalAugment', resize=224, crop=224, interpolation='bicubic'),
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=10,
    dataset=dict(
        type='ImageDataset',
        labels=True,
        channels=3,
        source=dict(type='FindingArray', file='data/medmnist/pneumoniamnist_224.npz', part='val'),
        transform=dict(type='EvalAugment', resize=224, crop=224, interpolation='bicubic'),
    ),
)
randomness = dict(seed=0)

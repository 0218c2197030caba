"""k-NN of a ViT-B/16 on Kinetics-400: cosine, 20 neighbours, temperature 0.07, mean of the tokens of the centre window.

Command: mimbench transfer video/configs/videomae_vit-base-p16_knn_1xb32-k20_k400.py --checkpoint FILE
Hardware: one GPU; decoding 260,000 videos takes most of the time.
Published: none of these networks.
Source: facebookresearch/dino eval_knn.py for the rule and its constants; one window of 16 frames, 4 apart, of each
video is our choice.
"""

custom_imports = dict(imports=['video'])
task = dict(type='KNNClips', k=20, temperature=0.07)
recipe = dict(method='VideoMAE')
protocol = dict(id='k400-knn-k20', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(
    type='FrozenEncoder',
    image_size=(16, 224, 224),
    pool='mean',
    num_classes=400,
    encoder=dict(arch='vit3d_base_patch16', arch_args=dict(class_token=False), position='sincos-1d'),
)
train_dataloader = dict(
    batch_size=32,
    num_workers=10,
    dataset=dict(
        type='ClipDataset',
        labels=True,
        source=dict(type='ClipList', file='data/k400/train.csv'),
        sampling=dict(type='DenseSampling', frames=16, stride=4, clips=1),
        transform=dict(type='ClipViews', resize=224, crops=1),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=10,
    dataset=dict(
        type='ClipDataset',
        labels=True,
        source=dict(type='ClipList', file='data/k400/val.csv'),
        sampling=dict(type='DenseSampling', frames=16, stride=4, clips=1),
        transform=dict(type='ClipViews', resize=224, crops=1),
    ),
)
randomness = dict(seed=0)

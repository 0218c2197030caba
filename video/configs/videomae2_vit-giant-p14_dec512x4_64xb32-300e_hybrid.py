"""VideoMAE v2 ViT-g/14, UnlabeledHybrid, 300 epochs of 4 clips a video, batch 2048.

Command: tools/dist_train.sh pretrain video/configs/videomae2_vit-giant-p14_dec512x4_64xb32-300e_hybrid.py 8 --data LIST
Hardware: 64 GPUs of 80 GB as published.
Published: fine-tuned 87.2 on Kinetics-400 (88.4 through K710), 77.0 on Something-Something v2 (OpenGVLab/VideoMAEv2).
The list is that of VideoMAE v2: `path 0 -1`, or `folder start frames` with source.columns='start' and a stride of 2 for
Something-Something, which is not public as a whole. An approximation: the published decoder gets mask tokens at visible
places, too, which do not count in its loss.
"""

_base_ = '_base_/videomae_pretrain.py'
recipe = dict(method='VideoMAE v2', epochs=300, data='UnlabeledHybrid')
model = dict(
    masking=dict(_delete_=True, type='RunningCellMasking', ratio=0.9, decoder=0.5),
    encoder=dict(arch='vit3d_giant_patch16', patch_size=(2, 14, 14)),
    head=dict(width=512, depth=4, heads=8),
)
train_cfg = dict(type='TrainLoop', effective_batch=2048, epochs=300)
train_dataloader = dict(
    batch_size=32,
    dataset=dict(repeats=4, windows='shared', source=dict(file='data/hybrid/train.csv')),
)
optim_wrapper = dict(clip_grad=dict(max_norm=0.02), optimizer=dict(lr=dict(base=6e-4, per=256)))
param_scheduler = dict(warmup=30, start=1e-6 / 6e-4, end=1e-5 / 6e-4)

"""RankMe, alpha-ReQ, LiDAR and held-out loss of ViT-B/16, ImageNet-1k validation images.

Command: mimbench transfer classification/configs/mae_vit-base-p16_proxies_1xb256-n25600_in1k.py --checkpoint FILE
Hardware: one GPU and 4 GB of memory for the features.
Published: none for MAE.
Source: 25,600 images are RankMe's (Garrido et al. 2023; unverified here, and the paper takes training images), 1000
images with 50 views LiDAR's (Thilak et al. 2024; its views are those of the method's own objective, these MAE's crops).
"""

_base_ = '_base_/imagenet_frozen.py'
recipe = dict(method='MAE')
task = dict(
    type='Proxies',
    augment=dict(type='PretrainAugment', scale=(0.2, 1.0), backend='pil'),
    samples=25600,
    view_samples=1000,
    views=50,
)
protocol = dict(id='proxies-in1k-n25600', version=2, metric='rankme', higher_is_better=True, init_stage='mim')
model = dict(pool=None, encoder=dict(arch='vit_base_patch16_224', position='sincos-xy'))

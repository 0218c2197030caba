"""Proxies in mini size: 32 pixels, mean of the patch tokens, LiDAR of 512 images with 10 views, for any checkpoint.

Up to 2,048 validation images; compare values over the same images only.

Command: mimbench transfer classification/configs/mini/mae_vit-base-p16_proxies_1xb256-n25600_in1k.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_frozen.py'
recipe = dict(method='MAE')
task = dict(
    type='Proxies',
    augment=dict(type='PretrainAugment', scale=(0.2, 1.0), backend='pil'),
    samples=2048,
    view_samples=512,
    views=10,
)
protocol = dict(id='proxies-mini-32px', version=2, metric='rankme', higher_is_better=True, init_stage='mim')
model = dict(pool=None)

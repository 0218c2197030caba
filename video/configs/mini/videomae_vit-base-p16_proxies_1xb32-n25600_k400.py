"""Proxies in mini size: 8 frames of 32 pixels, LiDAR of 128 videos with 6 views, for any checkpoint of clips.

Compare values over the same videos only.

Command: mimbench transfer video/configs/mini/videomae_vit-base-p16_proxies_1xb32-n25600_k400.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = './videomae_vit-base-p16_knn_1xb32-k20_k400.py'
task = dict(
    _delete_=True,
    type='ClipProxies',
    augment=dict(type='ClipPretrain', crop='multiscale'),
    samples=2048,
    view_samples=128,
    views=6,
)
protocol = dict(id='proxies-video-mini-8x32px', metric='rankme')

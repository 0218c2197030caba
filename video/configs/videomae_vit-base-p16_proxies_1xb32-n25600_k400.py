"""RankMe, alpha-ReQ, LiDAR and held-out loss of ViT-B/16 on clips, Kinetics-400 validation videos.

Command: mimbench transfer video/configs/videomae_vit-base-p16_proxies_1xb32-n25600_k400.py --checkpoint FILE
Hardware: one GPU; decoding takes most of the time, that of LiDAR's 50,000 views above all.
Published: none; RankMe, alpha-ReQ and LiDAR are of images.
Source: as many samples as RankMe (25,600; the set has fewer) and as many views as LiDAR take of images, see
classification/configs; a view is a clip as VideoMAE pre-trains on it, from another moment.
"""

_base_ = './videomae_vit-base-p16_knn_1xb32-k20_k400.py'
task = dict(
    _delete_=True,
    type='ClipProxies',
    augment=dict(type='ClipPretrain', crop='multiscale'),
    samples=25600,
    view_samples=1000,
    views=50,
)
protocol = dict(id='proxies-k400-n25600', metric='rankme')

"""Proxies in mini size: LiDAR of 256 clouds with 6 views, each of other points, scaled and shifted.

Compare values over the same clouds only.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_proxies_1xb32-n25600_modelnet40.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = './point-mae_vit-small_svm_1xb32-c01_modelnet40.py'
task = dict(
    _delete_=True,
    type='PointProxies',
    augment=dict(type='PointTransform', sample='random', scale=(2 / 3, 3 / 2), translate=0.2),
    samples=2048,
    view_samples=256,
    views=6,
)
protocol = dict(id='proxies-points-mini', metric='rankme')

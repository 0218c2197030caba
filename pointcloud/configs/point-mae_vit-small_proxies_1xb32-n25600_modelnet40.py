"""RankMe, alpha-ReQ, LiDAR and held-out loss of Point-MAE, modelnet40_ply_hdf5_2048, first 1024 points.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_proxies_1xb32-n25600_modelnet40.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU or a CPU. Clouds and pooling are those of the linear SVM; the test part has 2,468 clouds.
Published: none; RankMe, alpha-ReQ and LiDAR are of images.
Source: numbers of samples and views are those of images, see classification/configs; views are scaled and shifted as
Point-MAE does it in pre-training.
"""

_base_ = './point-mae_vit-small_svm_1xb32-c01_modelnet40.py'
task = dict(
    _delete_=True,
    type='PointProxies',
    augment=dict(type='PointTransform', scale=(2 / 3, 3 / 2), translate=0.2),
    samples=25600,
    view_samples=1000,
    views=50,
)
recipe = dict(published=dict(_delete_=True), source='')
protocol = dict(id='proxies-modelnet40-n25600', metric='rankme')

"""Linear SVM on frozen features of Point-MAE, modelnet40_ply_hdf5_2048, first 1024 points.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_svm_1xb32-c01_modelnet40.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU or a CPU. The released code of Point-MAE computes no features for it (tools/runner_pretrain.py calls a
model that returns a loss, and scikit-learn's LinearSVC with its default C of 1). Pooling, the sum of maximum and mean,
is that of Point-M2AE (models/Point_M2AE.py), whose linear SVC has C 0.012, one against one; here C is fixed at 0.01.
Published: 91.0 (Point-MAE README), which others could not reproduce (I2P-MAE#13).
"""

custom_imports = dict(imports=['pointcloud'])
task = dict(type='LinearSVM', c=0.01)
recipe = dict(method='Point-MAE', epochs=1, data='ModelNet40', published=dict(top1=0.91), source='Point-MAE README')
protocol = dict(id='modelnet40-svm-c01', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(type='FrozenPoints', num_points=1024, encoder=dict(arch='point_small'))
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(type='H5Source', files='data/modelnet40_ply_hdf5_2048/train_files.txt', points=1024),
        transform=dict(type='PointTransform', num_points=1024, sample='first', normalise='after'),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(type='H5Source', files='data/modelnet40_ply_hdf5_2048/test_files.txt', points=1024),
        transform=dict(type='PointTransform', num_points=1024, sample='first', normalise='after'),
    ),
)
randomness = dict(seed=0)

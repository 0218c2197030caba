"""k-NN on frozen features in mini size.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_knn_1xb32-k20_modelnet40.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = './point-mae_vit-small_svm_1xb32-c01_modelnet40.py'
task = dict(_delete_=True, type='KNNPoints', k=20, temperature=0.07)
protocol = dict(id='points-mini-knn')

"""k-NN on frozen features of Point-MAE, modelnet40_ply_hdf5_2048, first 1024 points: cosine, 20 neighbours.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_knn_1xb32-k20_modelnet40.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU or a CPU. Clouds and pooling are those of the linear SVM.
Published: none of these networks.
Source: facebookresearch/dino eval_knn.py for the rule and its constants.
"""

_base_ = './point-mae_vit-small_svm_1xb32-c01_modelnet40.py'
task = dict(_delete_=True, type='KNNPoints', k=20, temperature=0.07)
recipe = dict(published=dict(_delete_=True), source='')
protocol = dict(id='modelnet40-knn-k20')

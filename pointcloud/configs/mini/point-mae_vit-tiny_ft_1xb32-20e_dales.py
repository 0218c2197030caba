"""Fine-tuning on aerial LiDAR objects on a CPU: 280 clouds of 5 classes, 20 epochs, last epoch evaluated.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-tiny_ft_1xb32-20e_dales.py
    --checkpoint FILE --data data/dales_objects/train.h5 --val data/dales_objects/val.h5
"""

_base_ = '../_base_/dales.py'
recipe = dict(method='Point-MAE', epochs=20)

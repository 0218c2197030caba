"""Few-shot on aerial LiDAR objects on a CPU: 5 clouds of each of 5 classes, ten draws, last epoch evaluated.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-tiny_fewshot_1xb5-24e_dales-5s.py
    --checkpoint FILE --data data/dales_objects/train.h5 --val data/dales_objects/val.h5
"""

_base_ = './point-mae_vit-tiny_fewshot_1xb5-60e_dales-1s.py'
protocol = dict(id='points-dales-5shot')
recipe = dict(method='Point-MAE', epochs=24)
train_dataloader = dict(batch_size=5, dataset=dict(source=dict(shot=5)))
train_cfg = dict(effective_batch=5, epochs=24)
default_hooks = dict(save=dict(interval=24))

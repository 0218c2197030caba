"""Few-shot on aerial LiDAR objects on a CPU: 1 cloud of each of 5 classes, ten draws, last epoch evaluated.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-tiny_fewshot_1xb5-60e_dales-1s.py
    --checkpoint FILE --data data/dales_objects/train.h5 --val data/dales_objects/val.h5
"""

_base_ = '../_base_/dales.py'
task = dict(_delete_=True, type='FewShot', folds=10)
protocol = dict(id='points-dales-1shot', version=1, metric='top1', higher_is_better=True, init_stage='mim')
recipe = dict(method='Point-MAE', epochs=60)
train_dataloader = dict(
    batch_size=5,
    dataset=dict(
        source=dict(
            _delete_=True,
            type='Shots',
            shot=1,
            source=dict(type='H5Source', files='data/dales_objects/train.h5'),
        )
    ),
)
train_cfg = dict(effective_batch=5, epochs=60)
default_hooks = dict(save=dict(interval=60))

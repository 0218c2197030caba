"""Few-shot in mini size: 5 clouds of each class, three draws.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w10s.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
task = dict(type='FewShot', folds=3)
train_dataloader = dict(
    batch_size=10,
    dataset=dict(
        source=dict(
            _delete_=True,
            type='Shots',
            shot=5,
            source=dict(type='PointFolder', root='runs/demo/points/train'),
        )
    ),
)
train_cfg = dict(effective_batch=10)
protocol = dict(id='points-mini-5shot', version=1, metric='top1', higher_is_better=True, init_stage='mim')

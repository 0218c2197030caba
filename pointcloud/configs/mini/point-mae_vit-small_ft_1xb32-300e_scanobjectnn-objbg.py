"""Fine-tuning in mini size with the epoch chosen on held-out clouds, for ScanObjectNN OBJ-BG.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_ft_1xb32-300e_scanobjectnn-objbg.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True,
            type='HeldOut',
            share=0.2,
            source=dict(type='PointFolder', root='runs/demo/points/train'),
        )
    )
)
custom_hooks = [dict(type='SelectHook', interval=5)]
protocol = dict(id='points-mini-heldout', version=1, metric='top1', higher_is_better=True, init_stage='mim')

"""Few-shot in mini size: 1 clouds of each class, three draws.

Command: mimbench transfer pointcloud/configs/mini/point-mae_vit-small_fewshot_1xb32-150e_modelnet40-10w10s.py
    --checkpoint FILE --data TRAIN --val VAL
"""

_base_ = 'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w10s.py'
train_dataloader = dict(dataset=dict(source=dict(shot=1)))
train_dataloader['batch_size'] = 5
train_cfg = dict(effective_batch=5)
protocol = dict(id='points-mini-1shot', version=1, metric='top1', higher_is_better=True, init_stage='mim')

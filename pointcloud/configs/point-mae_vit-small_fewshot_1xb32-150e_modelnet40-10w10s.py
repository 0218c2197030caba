"""Few-shot ModelNet40, 10 classes with 10 clouds each: ten folds, mean and standard deviation.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_fewshot_1xb32-150e_modelnet40-10w10s.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE cfgs/fewshot.yaml; the folds are the pickles of ModelNetFewshot.
Published: 92.6 +- 4.1, best epoch of each fold on its test part; the last epoch here.
"""

_base_ = 'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w10s.py'
train_dataloader = dict(dataset=dict(source=dict(way=10, shot=10)))
val_dataloader = dict(dataset=dict(source=dict(way=10, shot=10)))
recipe = dict(published=dict(top1=0.926))
protocol = dict(id='modelnet40-fewshot-10w10s-last', version=1, metric='top1', higher_is_better=True, init_stage='mim')

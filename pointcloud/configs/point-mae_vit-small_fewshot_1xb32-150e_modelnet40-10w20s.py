"""Few-shot ModelNet40, 10 classes with 20 clouds each: ten folds, mean and standard deviation.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_fewshot_1xb32-150e_modelnet40-10w20s.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE cfgs/fewshot.yaml; the folds are the pickles of ModelNetFewshot.
Published: 95.0 +- 3.0, best epoch of each fold on its test part; the last epoch here.
"""

_base_ = 'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w10s.py'
train_dataloader = dict(dataset=dict(source=dict(way=10, shot=20)))
val_dataloader = dict(dataset=dict(source=dict(way=10, shot=20)))
recipe = dict(published=dict(top1=0.95))
protocol = dict(id='modelnet40-fewshot-10w20s-last', version=1, metric='top1', higher_is_better=True, init_stage='mim')

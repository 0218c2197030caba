"""Few-shot ModelNet40, 5 classes with 10 clouds each: ten folds, mean and standard deviation.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w10s.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE cfgs/fewshot.yaml, tools/runner_finetune.py: training draws 1024 of the
1200 farthest points. The folds are the pickles of ModelNetFewshot, of 8192 points a cloud.
Published: 96.3 +- 2.5, best epoch of each fold on its test part; the last epoch here.
"""

_base_ = '_base_/finetune_300e.py'
task = dict(type='FewShot', folds=10)
recipe = dict(method='Point-MAE', epochs=150, data='ModelNet40', published=dict(top1=0.963), source='Point-MAE README')
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(type='FewShotFold', root='data/ModelNetFewshot', way=5, shot=10, part='train'),
        transform=dict(
            type='PointTransform',
            num_points=1024,
            sample='pool',
            pool=1200,
            normalise='before',
            scale=(2 / 3, 3 / 2),
            translate=0.2,
        ),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    dataset=dict(
        type='PointDataset',
        labels=True,
        source=dict(type='FewShotFold', root='data/ModelNetFewshot', way=5, shot=10, part='test'),
        transform=dict(type='PointTransform', num_points=1024, sample='farthest', normalise='before'),
    ),
)
train_cfg = dict(epochs=150)
custom_hooks = []
protocol = dict(id='modelnet40-fewshot-5w10s-last', version=1, metric='top1', higher_is_better=True, init_stage='mim')

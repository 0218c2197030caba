"""Fine-tuning of Point-MAE on ScanObjectNN OBJ-ONLY: 2048 points, 128 groups, no votes.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_ft_1xb32-300e_scanobjectnn-objonly.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE cfgs/finetune_scan_objonly.yaml.
Published: 88.29 (Point-MAE README), best epoch on the test set there, on held-out clouds here.
Augmentation is scale and shift; ACT, ReCon and PointMamba rotate instead, which is worth points.
"""

_base_ = '_base_/scanobjectnn.py'
recipe = dict(
    method='Point-MAE', epochs=300, data='ScanObjectNN', published=dict(top1=0.8829), source='Point-MAE README'
)
train_dataloader = dict(
    dataset=dict(source=dict(source=dict(files='data/ScanObjectNN/main_split_nobg/training_objectdataset.h5')))
)
val_dataloader = dict(dataset=dict(source=dict(files='data/ScanObjectNN/main_split_nobg/test_objectdataset.h5')))
protocol = dict(id='scanobjectnn-objonly-heldout', version=1, metric='top1', higher_is_better=True, init_stage='mim')

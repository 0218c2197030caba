"""Fine-tuning of Point-MAE on ModelNet40 with 8192 points in 512 groups, no votes.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_ft_1xb32-300e_modelnet40-8k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 80 GB. Source: Point-MAE cfgs/finetune_modelnet_8k.yaml.
Published: only with votes (94.04), so nothing comparable. A network trained on 8192 points does not work on 1024.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
model = dict(num_points=8192, encoder=dict(num_groups=512, group_size=32))
train_dataloader = dict(dataset=dict(transform=dict(num_points=8192, sample='farthest', shuffle=True)))
val_dataloader = dict(dataset=dict(transform=dict(num_points=8192)))
recipe = dict(published=dict(_delete_=True), source='')
protocol = dict(id='modelnet40-8k-heldout', version=1, metric='top1', higher_is_better=True, init_stage='mim')

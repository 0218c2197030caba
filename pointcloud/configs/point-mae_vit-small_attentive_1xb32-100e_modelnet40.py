"""Attentive probe of frozen Point-MAE on ModelNet40: a query that attends to all groups, 1024 points, 100 epochs.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_attentive_1xb32-100e_modelnet40.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 8 GB.
Published: none of these networks.
Clouds, augmentation and choice of epoch are those of fine-tuning (its file), the head is that of the probes of images
and clips; learning rate, decay and length are ours.
"""

_base_ = ['_base_/finetune_300e.py', '_base_/modelnet40_1k.py']
recipe = dict(method='Point-MAE', epochs=100, data='ModelNet40')
protocol = dict(
    id='modelnet40-1k-attentive-100e-heldout', version=1, metric='top1', higher_is_better=True, init_stage='mim'
)
model = dict(type='AttentivePoints', encoder=dict(drop_path_rate=0.0))
train_cfg = dict(epochs=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.01), paramwise_cfg=dict(_delete_=True, no_decay=['1d']))

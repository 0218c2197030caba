"""Fine-tuning of Point-M2AE on ScanObjectNN OBJ-BG: 2048 points, no votes.

Command: mimbench transfer pointcloud/configs/point-m2ae_pyramid-small_ft_1xb32-300e_scanobjectnn-objbg.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-M2AE cfgs/fine-tuning/scan_obj-bg.yaml, models/Point_M2AE_Finetune.py:
Point-MAE's schedule, groups twice as large as in pre-training, attention within a radius at each level, mean beside
maximum into the head; the group embeddings do not decay. Approximation: the maximum takes all 64 groups, there all but
the first; the final norm begins with the checkpoint's weights, there afresh.
Published: 91.22 (Point-M2AE README), best epoch on the test set there, on held-out clouds here.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-objbg.py'
recipe = dict(method='Point-M2AE', published=dict(top1=0.9122), source='Point-M2AE README')
model = dict(
    encoder=dict(
        arch='point_pyramid_small',
        num_groups=(512, 256, 64),
        group_size=(32, 16, 16),
        local_radius=(0.32, 0.64, 1.28),
    )
)
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d', '*.patch_embed.*']))

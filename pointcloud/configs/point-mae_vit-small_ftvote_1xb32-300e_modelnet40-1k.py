"""Paper-compatible votes: as the ModelNet40 fine-tuning, ten passes over random subsets, mean logits, one round.

Command: mimbench transfer pointcloud/configs/point-mae_vit-small_ftvote_1xb32-300e_modelnet40-1k.py
    --checkpoint FILE --work-dir DIR
Hardware: 1 GPU of 24 GB. Source: Point-MAE tools/runner_finetune.py (`test_vote`).
Published: 93.80, the best of 299 rounds on the test set: no round of ours is to be compared with it as an equal.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
task = dict(votes=dict(count=10, scale=(2 / 3, 3 / 2), translate=0.2))
val_dataloader = dict(dataset=dict(transform=dict(num_points=1200)))
recipe = dict(
    published=dict(_delete_=True, top1_vote=0.938), source='Point-MAE README, best of 299 rounds on the test set'
)
protocol = dict(
    id='modelnet40-1k-heldout-vote10', version=1, metric='top1_vote', higher_is_better=True, init_stage='mim'
)

"""Frozen features in mini size: only the head trains, on plain crops, lr 1e-3 to 0."""

_base_ = './mini_finetune.py'
protocol = dict(id='video-mini-linear-8x32px')
model = dict(head='probe', frozen=True, head_std=0.01, smoothing=0.0, encoder=dict(drop_path_rate=0.0))
optim_wrapper = dict(
    optimizer=dict(lr=1e-2, weight_decay=0.0), paramwise_cfg=dict(_delete_=True, no_decay=['1d']), clip_grad=None
)
param_scheduler = dict(warmup=1, end=0.0)

"""A training so small that it runs in a second, shared by the engine's tests."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import torch
from PIL import Image

CONFIG = """\"\"\"Tiny MAE for tests.\"\"\"
recipe = dict(method='MAE', epochs=2)
model = dict(
    type='MaskedModel',
    image_size=16,
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(type='ViTEncoder', arch='vit_tiny_patch16_224', patch_size=4, embed_dim=16, depth=1, num_heads=2,
                 masked='drop', position='sincos-xy', drop_path_rate=0.1),
    head=dict(type='TransformerDecoder', width=16, depth=1, heads=2),
    target=dict(type='Pixels', normalise='patch'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    batch_size={batch},
    num_workers={workers},
    dataset=dict(type='ImageDataset', source=dict(type='FolderSource', root='{data}'),
                 transform=dict(type='PretrainAugment', size=16, scale=(0.3, 1.0))),
)
train_cfg = dict(type='TrainLoop', effective_batch=8, iterations=20)
optim_wrapper = dict(type='GuardedOptimWrapper', constructor='ParamGroups', precision='fp32',
                     optimizer=dict(type='AdamW', lr=1e-2, betas=(0.9, 0.95), weight_decay=0.05))
param_scheduler = dict(type='WarmupCosine', warmup=0.5)
default_hooks = dict(save=dict(interval=10, by_epoch=False), metrics=dict(interval=4), pictures=None)
randomness = dict(seed=3)
"""


def write_images(folder: Path, count: int = 60, size: int = 20) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(folder / f'{i:03d}.png')
    return folder


def write_config(folder: Path, workers: int = 0, batch: int = 8, images: Path | None = None) -> Path:
    """60 images in batches of 8: 7 updates an epoch, so update 10 lies in the middle of one; or other `images`."""
    data = images or folder / 'images'
    if not data.exists():
        write_images(data)
    path = folder / 'tiny.py'
    path.write_text(
        CONFIG.replace('{data}', str(data)).replace('{workers}', str(workers)).replace('{batch}', str(batch))
    )
    return path


def train(config: Path, work_dir: Path, resume: bool = False, **options):
    """Train in this process; returns the runner."""
    from pretrain.engine.launch import launch, load_config

    runner = launch(load_config(config, options), work_dir, resume, launcher='none')
    runner.train()
    return runner


def die_at(config: Path, work_dir: Path, update: int) -> None:
    """Train, and kill this process, as `kill -9` does, when an update begins."""
    from mmengine.hooks import Hook

    from pretrain.engine.launch import launch, load_config

    class Die(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if batch_idx == update:
                os.kill(os.getpid(), signal.SIGKILL)

    runner = launch(load_config(config), work_dir, launcher='none')
    runner.register_hook(Die())
    runner.train()


def log(work_dir: Path) -> list[dict]:
    return [json.loads(line) for line in (work_dir / 'metrics.jsonl').read_text().splitlines()]


def final_state(work_dir: Path) -> dict:
    from pretrain.engine.checkpointing import finished, load

    state = load(finished(work_dir / 'checkpoints')[0][1])
    assert state.pop('seconds') > 0  # no two runs take equally long
    return state


def assert_same(first, second, path: str = '') -> None:
    """Bit for bit, through dicts and lists of tensors."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), path
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), path
        for key in first:
            assert_same(first[key], second[key], f'{path}.{key}')
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second), path
        for i, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_same(a, b, f'{path}.{i}')
    else:
        assert first == second, path

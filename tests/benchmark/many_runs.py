"""Thousands of made-up runs, for what has to stay quick: 20 checkpoints a network, 3 seeds, random controls."""

import hashlib
import random
from pathlib import Path

from made_up import card, made_up

from benchmark.store import Run
from pretrain.record import Cost, Protocol, Result, Start, write_result

SEEDS = 3
DOMAINS = ('classification', 'det_mmdetection', 'seg_mmsegmentation', 'video')
TENSORS = [
    f'blocks.{i}.{part}.{kind}' for i in range(12) for part in ('qkv', 'proj', 'fc1') for kind in ('weight', 'bias')
]
"""As many names as the load report of a small network has; a report reads and keeps them all."""


def many_results(count: int, protocols: int = 25, seed: int = 0) -> list[Result]:
    """`count` results under protocols of which one is k-NN; every tenth subject is a random control."""
    chance = random.Random(seed)
    found: list[Result] = []
    subject = 0
    while len(found) < count:
        control = subject % 10 == 0
        arch = f'vit_{subject // 10}'
        for number in range(protocols):
            for run_seed in range(SEEDS):
                found.append(_result(subject, arch, control, number, run_seed, chance))
        subject += 1
    return found[:count]


def many_runs(count: int, protocols: int = 25) -> list[Run]:
    """As if they had been read from run directories; nothing is written."""
    return [Run(Path('runs') / f'{i:05}', result) for i, result in enumerate(many_results(count, protocols))]


def write_many(folder: Path, count: int, protocols: int = 25) -> Path:
    """Write them, each into a run directory of its own."""
    for number, result in enumerate(many_results(count, protocols)):
        write_result(folder / f'{number // 100:03}' / f'{number:05}', result)
    return folder


def _result(subject: int, arch: str, control: bool, number: int, seed: int, chance: random.Random) -> Result:
    name = f'checkpoint-{subject:04}'
    identity = f'mini-knn-{number}' if number == 0 else f'task-{number}-finetune'
    protocol = Protocol(
        id=identity, version=1, metric='top1', higher_is_better=True, init_stage='mim', recipe='r', hash=f'h{number}'
    )
    digest = None if control else hashlib.sha256(name.encode()).hexdigest()
    path = None if control else f'/nowhere/{name}/encoder.safetensors'
    score = 0.5 + (0 if control else 0.002 * (subject % 10)) + chance.gauss(0, 0.01)
    tensors = {'loaded': TENSORS, 'renamed': [], 'resized': [], 'dropped': [], 'missing': [], 'unexpected': []}
    load = {'coverage': 1.0, 'counts': {'loaded': len(TENSORS)}, 'allowed': [], 'tensors': tensors}
    made = made_up(
        score,
        seed,
        name,
        identity,
        start=Start(random=control, path=path, sha256=digest, card=card(arch)),
        load_report=None if control else load,
        domain=DOMAINS[number % len(DOMAINS)],
        cost=Cost(wall_seconds=chance.uniform(100, 1000), gpu_seconds=0, peak_memory_mb=900, peak_gpu_memory_mb=0),
    )
    return made.model_copy(update={'protocol': protocol})

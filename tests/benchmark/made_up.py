"""Results with made-up scores, for tests of what reads results."""

from pathlib import Path

from pretrain.checkpoint.card import Card
from pretrain.record import Cost, Protocol, Result, Start, write_result


def card(arch: str = 'vit_tiny', **facts) -> Card:
    kept = {
        'family': 'mimbench',
        'arch': arch,
        'grid': (8, 8),
        'patch': (4, 4),
        'initial_stage': 'mim',
        'method': 'MAE',
    }
    return Card(**{**kept, **facts})


def made_up(
    score: float, seed: int = 0, checkpoint: str | None = 'mae', protocol: str = 'mini-knn', **fields
) -> Result:
    """A result of one metric, `top1`; `checkpoint=None` is the random control."""
    start = Start(random=True, card=card(initial_stage='random'))
    if checkpoint:
        digest = (checkpoint.encode().hex() * 64)[:64]
        start = Start(random=False, path=f'/nowhere/{checkpoint}/encoder.safetensors', sha256=digest, card=card())
    facts = {
        'protocol': Protocol(
            id=protocol,
            version=1,
            metric='top1',
            higher_is_better=True,
            init_stage='mim',
            recipe='r',
            hash=f'h {protocol}',
        ),
        'scores': {'top1': score, 'nll': 1 - score},
        'num_samples': {'train': 100, 'val': 50},
        'seed': seed,
        'start': start,
        'load_report': None,
        'domain': 'classification',
        'config': f'{protocol}.py',
        'config_hash': 'c',
        'command': f'mimbench transfer {protocol}.py --checkpoint {checkpoint or "random"} --seed {seed}',
        'environment': {'torch': '2.12.0', 'hardware': 'CPU, 1 threads', 'code': 'abc'},
        'finished': '2026-01-01T00:00:00+00:00',
        'cost': Cost(wall_seconds=10 + seed, gpu_seconds=0, peak_memory_mb=500, peak_gpu_memory_mb=0),
    }
    return Result(**{**facts, **fields})


def write(folder: Path, *args, **fields) -> Path:
    """Write a made-up result into a run directory; the directory."""
    write_result(folder, made_up(*args, **fields))
    return folder

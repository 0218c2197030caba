"""An ablation of real commands, from a study's file to its scores, on SLURM and on Ray; on each another node is killed.

The scores of both are the same to the last digit, so what was killed ended as what was not.
"""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import end, wait_for
from ray_cluster import two_machines
from slurm_cluster import PLACES, missing, slurm

from benchmark.nodes import ATTEMPTS, read_lines
from pretrain.data.procedural import write_set
from pretrain.record import read_result

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

REPO = Path(__file__).resolve().parents[2]
STUDY = {
    'about': 'two ratios, as small as can be',
    'pretrain': 'pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py',
    'data': 'images',
    'options': {
        'train_cfg.epochs': 5,
        'train_cfg.effective_batch': 16,
        'train_dataloader.batch_size': 16,
        'train_dataloader.num_workers': 0,
        'default_hooks.save.interval': 1,
    },
    'axes': {'mask ratio': {'key': 'model.masking.ratio', 'values': [0.5, 0.75]}},
    'suite': 'suite.yaml',
    'seeds': 1,
}
SUITE = {
    'about': 'k-NN',
    'entries': [
        {
            'name': 'knn',
            'config': 'classification/configs/mini/mae_vit-base-p16_knn_1xb256-k20_in1k.py',
            'takes': ['image'],
            'data': 'images',
            'options': {'val_dataloader.num_workers': 0, 'train_dataloader.num_workers': 0},
        }
    ],
}


class Study:
    """One ablation in a folder of its own, started as on the command line."""

    def __init__(self, folder: Path, *words: str):
        data = write_set(folder / 'data', 160, 64, 32)
        for name, content in (('study', STUDY), ('suite', SUITE)):
            (folder / f'{name}.yaml').write_text(json.dumps(content))
        self.out = folder / 'out'
        command = [sys.executable, '-m', 'tools.main', 'ablate', str(folder / 'study.yaml'), '--out', str(self.out)]
        command += ['--data', f'images={data}/train,{data}/val,{data}/unlabelled', '--slots', '2', '--no-probe', *words]
        environment = {**os.environ, 'PYTHONPATH': str(REPO), 'MIMBENCH_CACHE': str(folder / 'cache')}
        self.said = folder / 'said.txt'
        with open(self.said, 'w') as said:
            self.driver = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)

    def __enter__(self) -> 'Study':
        return self

    def __exit__(self, *_) -> None:
        end(self.driver)

    def node(self, title: str) -> Path | None:
        return next(self.out.glob(f'{title}-*'), None)

    def kill(self, title: str) -> None:
        """SIGKILL for the worker and the command of a pre-training that has saved once and not ended."""
        wait_for(lambda: (found := self.node(title)) and list(found.glob('checkpoints/*')), 120)
        folder = self.node(title)
        assert not (folder / 'encoder.safetensors').exists()
        working = [int(place.parent.name) for place in Path('/proc').glob('[0-9]*/cmdline') if _names(place, folder)]
        assert len(working) >= 2
        for process in working:
            os.kill(process, signal.SIGKILL)

    def scores(self) -> dict[str, dict[str, float]]:
        """Wait for the end; the scores of each transfer by its title."""
        assert self.driver.wait(240) == 0, self.said.read_text()
        return {
            path.parent.name.rpartition('-')[0]: read_result(path).scores for path in self.out.glob('*/result.json')
        }

    def attempts(self, title: str) -> int:
        return sum('started' in line for line in read_lines(self.node(title) / ATTEMPTS))


def _names(cmdline: Path, folder: Path) -> bool:
    with contextlib.suppress(OSError):  # it has ended
        return str(folder).encode() in cmdline.read_bytes()
    return False


@contextlib.contextmanager
def on_slurm() -> Iterator[list[str]]:
    with slurm() as conf, pytest.MonkeyPatch.context() as patch:
        patch.setenv('SLURM_CONF', str(conf))
        patch.setenv('PATH', PLACES)
        yield ['--executor', 'slurm', '--gpus-per-run', '0']


@contextlib.contextmanager
def on_ray() -> Iterator[list[str]]:
    with two_machines() as cluster:
        yield ['--executor', 'ray', '--gpus-per-run', '0', '--executor-options', f'address={cluster.address}']


@contextlib.contextmanager
def here() -> Iterator[list[str]]:
    yield []


def executors() -> list:
    """Two: SLURM and Ray where they are installed, else this machine in their place."""
    submitit, ray = (importlib.util.find_spec(name) is not None for name in ('submitit', 'ray'))
    return [*([on_slurm] if submitit and not missing() else []), *([on_ray] if ray else []), here, here][:2]


def test_a_killed_node_changes_no_score(tmp_path: Path) -> None:
    found = []
    for executor, ratio, other in zip(executors(), (0.5, 0.75), (0.75, 0.5)):
        folder = tmp_path / str(ratio)
        with executor() as words, Study(folder, *words) as study:
            study.kill(f'mask-ratio={ratio}-s0')
            found.append(study.scores())
        assert study.attempts(f'mask-ratio={ratio}-s0') == 2 and study.attempts(f'mask-ratio={other}-s0') == 1
    assert set(found[0]) == {'knn-random-s0', 'knn-mask-ratio=0.5-s0', 'knn-mask-ratio=0.75-s0'}
    assert found[0] == found[1]

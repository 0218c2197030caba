"""tools/dist_train.sh and tools/slurm_train.sh: what they start, and how they refuse."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

_ECHO = '#!/bin/bash\nprintf "%s\\n" "$@"\n'


@pytest.fixture
def call(repo: Path, tmp_path: Path):
    """Runs a script with a `python` and an `srun` that only print their arguments."""
    for name in ('python', 'srun'):
        (tmp_path / name).write_text(_ECHO)
        (tmp_path / name).chmod(0o755)

    def run(script: str, *words: str, path: str = '', **env: str) -> subprocess.CompletedProcess:
        found = {'PATH': path or f'{tmp_path}:{os.environ["PATH"]}', 'PYTHON': str(tmp_path / 'python'), **env}
        return subprocess.run(['/bin/bash', repo / 'tools' / script, *words], env=found, capture_output=True, text=True)

    return run


@pytest.mark.parametrize('script', ['dist_train.sh', 'slurm_train.sh'])
def test_scripts_parse_and_are_executable(repo: Path, script: str) -> None:
    path = repo / 'tools' / script
    assert os.access(path, os.X_OK)
    assert 'set -euo pipefail' in path.read_text()
    assert subprocess.run(['bash', '-n', path], check=False).returncode == 0


@pytest.mark.parametrize('script', ['dist_train.sh', 'slurm_train.sh'])
def test_too_few_arguments_show_the_usage(call, script: str) -> None:
    done = call(script, 'pretrain')
    assert done.returncode == 2
    assert f'tools/{script} pretrain CONFIG' in done.stderr


def test_one_node(call) -> None:
    done = call('dist_train.sh', 'pretrain', 'a b.py', '8', '--cfg-options', 'x=[1, 2]')
    words = done.stdout.splitlines()
    assert words[:6] == ['-m', 'tools.processes', '--nnodes', '1', '--nproc-per-node', '8']
    assert '--standalone' in words
    tail = words[words.index('tools.main') :]
    assert tail == ['tools.main', 'pretrain', 'a b.py', '--launcher', 'pytorch', '--cfg-options', 'x=[1, 2]']


def test_several_nodes(call) -> None:
    done = call('dist_train.sh', 'transfer', 'a.py', '4', NNODES='2', NODE_RANK='1', MASTER_ADDR='node0', PORT='29600')
    line = ' '.join(done.stdout.splitlines())
    assert '--nnodes 2 --nproc-per-node 4 --node-rank 1 --master-addr node0 --master-port 29600' in line
    lost = call('dist_train.sh', 'transfer', 'a.py', '4', NNODES='2', NODE_RANK='1')
    assert lost.returncode != 0
    assert 'MASTER_ADDR' in lost.stderr


@pytest.mark.parametrize(('verb', 'gpus'), [('list', '8'), ('pretrain', 'eight'), ('pretrain', '0')])
def test_wrong_words_end_with_2(call, verb: str, gpus: str) -> None:
    done = call('dist_train.sh', verb, 'a.py', gpus)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_slurm(call) -> None:
    env = {'GPUS': '16', 'PARTITION': 'gpu', 'SRUN_ARGS': '--time=4:00:00 --account=me'}
    done = call('slurm_train.sh', 'pretrain', 'pretrain/configs/mae.py', 'runs/mae', '--resume', **env)
    words = done.stdout.splitlines()
    for word in ('--ntasks=16', '--ntasks-per-node=8', '--gres=gpu:8', '--partition=gpu', '--signal=USR1@120'):
        assert word in words
    assert '--job-name=mae' in words
    assert {'--time=4:00:00', '--account=me'} <= set(words)
    tail = [
        'tools.main',
        'pretrain',
        'pretrain/configs/mae.py',
        '--work-dir',
        'runs/mae',
        '--launcher',
        'slurm',
        '--resume',
    ]
    assert words[-8:] == tail


def test_slurm_with_fewer_gpus_than_a_node_holds(call) -> None:
    words = call('slurm_train.sh', 'pretrain', 'a.py', 'runs/a', GPUS='2').stdout.splitlines()
    assert '--ntasks-per-node=2' in words
    assert not [word for word in words if word.startswith('--partition')]


def test_no_slurm_here(call, tmp_path: Path) -> None:
    (tmp_path / 'bin').mkdir()
    done = call('slurm_train.sh', 'pretrain', 'a.py', 'runs/a', path=str(tmp_path / 'bin'))
    assert done.returncode == 2
    assert 'srun not found' in done.stderr

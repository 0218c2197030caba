"""Several processes: DDP and fully sharded training agree, and resume."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import final_state, log, write_config
from warm import spread

from pretrain.engine.processes import find_launcher, world_size
from pretrain.errors import ConfigError

pytestmark = pytest.mark.smoke
ROOT = Path(__file__).resolve().parents[2]


def pretrain(config, work_dir, *options, resume=False):
    """On two processes; what they said."""
    words = ['pretrain', config, '--work-dir', work_dir]
    words += ['--resume'] if resume else []
    words += ['--cfg-options', *options] if options else []
    return spread(*words, log=work_dir.with_suffix('.log'))


def test_sharded_training_is_ddp_training(tmp_path):
    """Same data, masks and sums on two processes; only where parameters live differs. Then one process goes on."""
    config = write_config(tmp_path, batch=4)
    out = pretrain(config, tmp_path / 'ddp')
    assert 'effective batch 8 = 2 x 4 x 1' in out
    pretrain(config, tmp_path / 'fsdp', 'model_wrapper_cfg.type=FullyShard')
    ddp, fsdp = log(tmp_path / 'ddp'), log(tmp_path / 'fsdp')
    assert [row['iter'] for row in ddp] == list(range(20))
    for a, b in zip(ddp, fsdp, strict=True):
        assert a['loss'] == pytest.approx(b['loss'], rel=1e-4)
        assert a['grad_norm'] == pytest.approx(b['grad_norm'], rel=1e-3)
    for name, tensor in final_state(tmp_path / 'ddp')['model'].items():
        assert torch.allclose(tensor, final_state(tmp_path / 'fsdp')['model'][name], atol=1e-4), name


@pytest.mark.parametrize('options', [[], ['model_wrapper_cfg.type=FullyShard']], ids=['ddp', 'sharded'])
def test_a_resumed_run_on_two_processes_is_the_undisturbed_one(tmp_path, options):
    config = write_config(tmp_path, batch=4)
    config.write_text(config.read_text().replace('pictures=None', 'pictures=dict(interval=1)'))
    pretrain(config, tmp_path / 'run', *options)
    checkpoints = tmp_path / 'run' / 'checkpoints'
    last = checkpoints / 'iter_0000020.pth'
    undisturbed, rows = torch.load(last), log(tmp_path / 'run')
    last.unlink()
    out = pretrain(config, tmp_path / 'run', *options, resume=True)
    assert 'resumed iter_0000010.pth' in out
    assert log(tmp_path / 'run') == rows
    for name, tensor in undisturbed['model'].items():
        assert torch.equal(tensor, torch.load(last)['model'][name]), name
    assert (tmp_path / 'run' / 'pictures').exists() == (not options), 'sharded models draw none, and go on'


def launch_script(config, work_dir, *options):
    """tools/dist_train.sh on two processes."""
    command = [ROOT / 'tools' / 'dist_train.sh', 'pretrain', config, '2', '--work-dir', work_dir]
    env = {**os.environ, 'PYTHON': sys.executable, 'CUDA_VISIBLE_DEVICES': ''}
    return subprocess.Popen(
        [*command, '--cfg-options', *options],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_the_launch_script_saves_and_exits_with_75(tmp_path, number):
    config = write_config(tmp_path, batch=4)
    process = launch_script(
        config, tmp_path / 'run', 'train_cfg.iterations=20000', 'default_hooks.save.interval=100000'
    )
    for line in process.stdout:
        if 'update' in line and '/20000' in line:
            process.send_signal(number)
            break
    rest = process.stdout.read()
    assert process.wait(100) == 75, rest
    assert 0 < final_state(tmp_path / 'run')['iteration'] < 20000


def test_a_mistake_is_one_line_and_exit_code_2_whatever_the_number_of_processes(tmp_path):
    process = launch_script(write_config(tmp_path, batch=4), tmp_path / 'run', 'model.masking.ration=0.5')
    said = process.stdout.read()
    assert process.wait(100) == 2
    assert said.count('\n') == 1 and 'ration' in said, said


@pytest.mark.unit
@pytest.mark.parametrize(
    ('variables', 'launcher'),
    [
        ({}, 'none'),
        ({'LOCAL_RANK': '0', 'WORLD_SIZE': '2', 'SLURM_STEP_NUM_TASKS': '2'}, 'pytorch'),
        ({'SLURM_NTASKS': '8'}, 'none'),
        ({'SLURM_NTASKS': '8', 'SLURM_STEP_NUM_TASKS': '1'}, 'none'),
        ({'SLURM_NTASKS': '8', 'SLURM_STEP_NUM_TASKS': '8'}, 'slurm'),
    ],
)
def test_an_allocation_is_no_launcher(monkeypatch, variables, launcher):
    """In a shell of salloc, or a batch script, a command is one process; only srun starts several."""
    for name in ('LOCAL_RANK', 'WORLD_SIZE', 'SLURM_NTASKS', 'SLURM_STEP_NUM_TASKS'):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_launcher() == launcher
    assert world_size(launcher) == {'none': 1, 'pytorch': 2, 'slurm': 8}[launcher]
    for name in variables:
        monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match=r'dist_train\.sh'):
        world_size('pytorch')

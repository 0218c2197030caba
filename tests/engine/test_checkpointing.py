"""Checkpoints survive kills, full disks and damage."""

import errno
import os
import random
import signal
import time

import pytest
import torch

from pretrain.engine import checkpointing
from pretrain.errors import CheckpointError


def state(iteration: int) -> dict:
    generator = torch.Generator().manual_seed(iteration)
    return {'iteration': iteration, 'model': {'w': torch.randn(200_000, generator=generator)}}


@pytest.mark.crash
def test_fifty_kills_during_saving_never_leave_nothing(tmp_path):
    """A child saves without pause and dies at a random moment; the newest checkpoint always reads back."""
    rng = random.Random(0)
    checkpointing.save(state(0), tmp_path, 0)
    died_while_writing = 0
    for _ in range(50):
        child = os.fork()
        if child == 0:
            iteration = checkpointing.finished(tmp_path)[0][0]
            while True:
                iteration += 1
                checkpointing.save(state(iteration), tmp_path, iteration)
        time.sleep(0.02 + rng.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        died_while_writing += any(p.suffix == '.tmp' for p in tmp_path.iterdir())
        newest = checkpointing.latest(tmp_path)
        found = checkpointing.load(newest)
        assert torch.equal(found['model']['w'], state(found['iteration'])['model']['w'])
    assert died_while_writing > 5, 'the kills must hit the writing, or this proves nothing'
    checkpointing.save(state(10**6), tmp_path, 10**6)
    assert len(list(tmp_path.iterdir())) == checkpointing.KEEP_AT_LEAST, 'the next save clears what the dead left'


@pytest.mark.unit
def test_at_least_two_are_kept_and_the_oldest_go(tmp_path):
    for i in range(5):
        checkpointing.save(state(i), tmp_path, i, keep=1)
    assert [i for i, _ in checkpointing.finished(tmp_path)] == [4, 3]


@pytest.mark.unit
def test_a_full_disk_leaves_the_old_checkpoints(tmp_path, monkeypatch):
    checkpointing.save(state(1), tmp_path, 1)
    checkpointing.save(state(2), tmp_path, 2)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space'):
        checkpointing.save(state(3), tmp_path, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['iter_0000001.pth', 'iter_0000002.pth']


@pytest.mark.unit
def test_a_write_that_does_not_read_back_does_not_count(tmp_path, monkeypatch):
    checkpointing.save(state(1), tmp_path, 1)
    save = torch.save

    def damaged(value, path):
        save(value, path)
        with open(path, 'r+b') as file:
            file.seek(300_000)
            file.write(b'\x00' * 64)

    monkeypatch.setattr(torch, 'save', damaged)
    with pytest.raises(CheckpointError, match='damaged'):
        checkpointing.save(state(2), tmp_path, 2)
    assert [i for i, _ in checkpointing.finished(tmp_path)] == [1]


@pytest.mark.unit
def test_latest_passes_over_damage_but_never_starts_afresh(tmp_path):
    assert checkpointing.latest(tmp_path / 'nowhere') is None
    for i in (1, 2):
        checkpointing.save(state(i), tmp_path, i)
    newest = tmp_path / 'iter_0000002.pth'
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert checkpointing.latest(tmp_path).name == 'iter_0000001.pth'
    (tmp_path / 'iter_0000001.pth').write_bytes(b'')
    with pytest.raises(CheckpointError, match='no readable checkpoint'):
        checkpointing.latest(tmp_path)

"""The memory of a run is that of its own process."""

import subprocess
import sys
from pathlib import Path

import pytest

from pretrain.engine.meter import STATUS, peak_memory_mb

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


@pytest.mark.skipif(not STATUS.exists(), reason='the trap is one of Linux')
def test_the_peak_of_the_parent_is_not_that_of_the_child() -> None:
    code = 'from pretrain.engine.meter import peak_memory_mb; print(peak_memory_mb())'
    ballast = b'x' * (1200 * MIB)
    child = subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert peak_memory_mb() > len(ballast) / MIB
    assert 50 < float(child.stdout) < 1000


def test_a_system_that_does_not_tell_is_no_error(tmp_path, monkeypatch) -> None:
    status = tmp_path / 'status'
    status.write_text('Name: python\n')
    monkeypatch.setattr('pretrain.engine.meter.STATUS', status)
    assert peak_memory_mb() > 10


def test_a_peak_stays_when_the_memory_is_given_back() -> None:
    before = peak_memory_mb()
    ballast = b'x' * (300 * MIB)
    with_it = peak_memory_mb()
    assert with_it >= len(ballast) / MIB
    del ballast
    assert peak_memory_mb() == with_it >= before

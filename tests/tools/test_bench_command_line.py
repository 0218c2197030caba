"""How fast the command answers, beside an empty Python start. Measured and printed, never judged by the clock."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench

TARGET_SECONDS = 0.4


def best_of(repo: Path, *words: str, runs: int = 5) -> float:
    """Seconds of the fastest of several runs of Python with these arguments."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], cwd=repo, capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize('verb', ['--help', 'list'])
def test_answers_at_once(repo: Path, verb: str, record_property) -> None:
    empty, seconds = best_of(repo, '-c', 'pass'), best_of(repo, '-m', 'tools.main', verb)
    record_property('seconds', round(seconds, 3))
    print(f'\nmimbench {verb}: {seconds:.3f} s (target {TARGET_SECONDS}), an empty Python {empty:.3f} s')

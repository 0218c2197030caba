"""How long a report of 10,000 results takes, and how much memory; 2,000 unless `BENCH=full`. CPU time counts.

A test fails where the time grows faster than the number of results, or 10,000 take more than 20 s or 1 GB.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('jinja2')

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'benchmark'))
from many_runs import write_many  # noqa: E402

pytestmark = pytest.mark.bench
FULL = os.environ.get('BENCH') == 'full'
MOST = 10_000 if FULL else 2_000
MOST_MEGABYTES = 1000 if FULL else 400
MOST_SECONDS = 20


REPORT = """
import sys
from pathlib import Path
from tools.main import main
code = main(['report', *sys.argv[1:]])
lines = Path('/proc/self/status').read_text().splitlines()  # not ru_maxrss: that of a child begins at its parent's
print('peak', next(line for line in lines if line.startswith('VmHWM')).split()[1])
sys.exit(code)
"""


def cpu_seconds_and_megabytes(runs: Path, out: Path) -> tuple[float, float, float]:
    """Of `mimbench report` in a process of its own: CPU seconds, wall seconds, peak memory in MiB."""
    words = [sys.executable, '-c', REPORT, str(runs), '--out', str(out)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        words, env={**os.environ, 'PYTHONPATH': str(ROOT)}, check=True, capture_output=True, text=True, timeout=500
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, int(done.stdout.split()[-1]) / 1024


@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='peak memory is read from /proc')
def test_a_report_of_many_results(tmp_path: Path, capsys) -> None:
    small, _, _ = cpu_seconds_and_megabytes(write_many(tmp_path / 'few', MOST // 10), tmp_path / 'a')
    cpu, wall, peak = cpu_seconds_and_megabytes(write_many(tmp_path / 'many', MOST), tmp_path / 'b')
    size = (tmp_path / 'b' / 'report.html').stat().st_size / 1e6
    with capsys.disabled():
        print(
            f'\n{MOST} results: {cpu:.1f} s CPU, {wall:.1f} s, {peak:.0f} MB, page {size:.1f} MB; tenth {small:.1f} s'
        )
    assert cpu < 12 * small
    assert wall < MOST_SECONDS and peak < MOST_MEGABYTES

"""Nodes as jobs of a real SLURM of one machine: killed, preempted and queued ones, and a driver that is killed.

SLURM and munge are Debian's packages; the daemons run in a temporary folder, and end with the tests.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import COMMAND, end, events, marks, mini, node, start_driver, sums, wait_for, wide, worker_of
from slurm_cluster import PLACES, missing, slurm

from benchmark.command import ROOT
from benchmark.driver import Driver
from benchmark.executors import Refused, make_executor
from benchmark.nodes import Graph, Node, state
from pretrain.errors import UserError

pytest.importorskip('submitit', reason='submitit is not installed; `make setup-cluster`')
pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
SUMS = {'parent': 1, 'child0': 2, 'child1': 11, 'child2': 101}


@pytest.fixture(scope='module')
def conf() -> Iterator[Path]:
    with slurm() as conf:
        yield conf


@pytest.fixture(autouse=True)
def cluster(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SLURM_CONF', str(conf))
    monkeypatch.setenv('PATH', PLACES)
    monkeypatch.setenv('MIMBENCH_COMMAND', COMMAND)
    monkeypatch.setattr('benchmark.executors.slurm.LOOK_SECONDS', 0.3)


def jobs(of: Node) -> list[str]:
    """Numbers of the jobs that were submitted for a node."""
    return [path.name.partition('_')[0] for path in (of.folder / 'slurm').glob('*_submission.sh')]


def listed() -> list[str]:
    words = ['squeue', '--noheader', '--format=%A %T']
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_killed_worker_and_a_preempted_job(tmp_path: Path) -> None:
    nodes = mini(tmp_path / 'out')
    told: list[tuple[str, str]] = []
    hurt: dict[str, float] = {}

    def event(word: str, of: Node, found) -> None:
        told.append((word, of.title))
        if word == 'started' and of.title in ('child1', 'child2') and of.title not in hurt:
            wait_for((of.folder / 'started').exists)
            hurt[of.title] = time.time()
            if of.title == 'child1':
                os.kill(worker_of(of), signal.SIGKILL)
            else:  # what SLURM sends before the time limit
                subprocess.run(['scancel', '--signal=USR1', *jobs(of)], check=True)

    outcome = Driver(Graph(nodes), make_executor('slurm', slots=4, gpus_per_run=0), event=event).run()
    assert len(outcome.done) == 4 and sums(nodes) == SUMS and [marks(n) for n in nodes] == [1] * 4
    assert told.count(('retry', 'child1')) == 1 and told.count(('requeued', 'child2')) == 1
    assert not {'requeued', 'retry'} & {word for word, title in told if title not in hurt}
    assert [len(jobs(n)) for n in nodes] == [1, 1, 2, 2]


def test_a_killed_driver(tmp_path: Path) -> None:
    """The next one finds what runs and what still waits in the queue, and submits neither again."""
    out = tmp_path / 'out'
    nodes = wide(out)
    driver = start_driver('wide', out, 'slurm', slots=4, gpus_per_run=0, cpus_per_task=2)  # two at a time
    wait_for(lambda: sum((n.folder / 'started').exists() for n in nodes) == 2 and len(listed()) == 4, 60)
    end(driver)
    assert {line.split()[1] for line in listed()} == {'PENDING', 'RUNNING'}
    driver = start_driver('wide', out, 'slurm', slots=4, gpus_per_run=0, cpus_per_task=2)
    try:
        assert driver.wait(60) == 0
    finally:
        end(driver)
    assert list(sums(nodes).values()) == [0, 1, 2, 3] and [marks(n) for n in nodes] == [1] * 4
    assert [len(jobs(n)) for n in nodes] == [1] * 4
    assert sum(word == 'adopted' for word, _ in events(out)) == 4


def test_cancelled(tmp_path: Path) -> None:
    """What waits leaves the queue, what runs saves; a second call ends what does not."""
    moved = node(tmp_path, 'moved', 'seconds=60')
    stubborn = node(tmp_path, 'stubborn', 'seconds=60', 'ignore=SIGTERM')
    waiting = node(tmp_path, 'waiting', 'seconds=60')
    Graph([moved, stubborn, waiting]).write()
    executor = make_executor('slurm', gpus_per_run=0, cpus_per_task=2)
    running = [executor.submit(n.folder) for n in (moved, stubborn, waiting)]
    wait_for(lambda: (moved.folder / 'started').exists() and (stubborn.folder / 'started').exists())
    for job in running:
        job.cancel()
    wait_for(lambda: [job.alive() for job in running] == [False, True, False])
    assert [state(n.folder, n.key).word for n in (moved, waiting)] == ['waiting', 'new']
    running[1].cancel()
    wait_for(lambda: not running[1].alive())


def test_a_silent_squeue_ends_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a refusal of sbatch, which took such jobs before, is not the end."""
    one, two = node(tmp_path, 'one', 'seconds=1'), node(tmp_path, 'two')
    Graph([one, two]).write()
    executor = make_executor('slurm', slots=1, gpus_per_run=1)
    job = executor.submit(one.folder)
    for name in ('squeue', 'sbatch'):
        (tmp_path / name).write_text('#!/bin/sh\necho Unable to contact slurm controller >&2; exit 1\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}{os.pathsep}{PLACES}')
    end = time.time() + 1
    while time.time() < end:
        assert job.alive()
        time.sleep(0.1)
    with pytest.raises(Refused, match='sbatch refused two'):
        executor.submit(two.folder)
    monkeypatch.setenv('PATH', PLACES)
    wait_for(lambda: not job.alive())
    assert state(one.folder, one.key).word == 'done'


@pytest.mark.parametrize(('cores', 'threads'), [(1, '1'), (4, '2')])
def test_a_job_sees_its_gpus_and_shares_its_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, threads: str
) -> None:
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    one = node(tmp_path, 'one')
    assert Driver(Graph([one]), make_executor('slurm', gpus_per_run=2, cpus_per_task=cores)).run().done
    found = json.loads(one.path().read_text())
    assert (found['gpus'], found['threads']) == ('0,1', threads)


def test_a_job_without_options_has_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs that both take all cores of a machine are thirty times as slow."""
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    one = node(tmp_path, 'one')
    assert Driver(Graph([one]), make_executor('slurm', gpus_per_run=0)).run().done
    assert json.loads(one.path().read_text())['threads'] == '1'


def test_a_checkout_may_have_a_space_in_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'my checkout').symlink_to(ROOT)
    monkeypatch.setattr('benchmark.executors.slurm.ROOT', tmp_path / 'my checkout')
    one = node(tmp_path, 'one')
    assert Driver(Graph([one]), make_executor('slurm', gpus_per_run=0)).run().done
    (script,) = one.folder.glob('slurm/*_submission.sh')
    (line,) = (line for line in script.read_text().splitlines() if line.startswith('export PYTHONPATH='))
    told = subprocess.run(['bash', '-c', f'unset PYTHONPATH; {line}; printf %s "$PYTHONPATH"'], capture_output=True)
    assert os.fsdecode(told.stdout) == str(tmp_path / 'my checkout') and not told.stderr


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        ({'partion': 'all'}, "no option 'partion'"),
        ({'partition': 'nowhere'}, 'sbatch refused one.*Invalid partition'),
        ({'gpus_per_run': 9}, 'sbatch refused one.*not available'),
        ({'slots': 'many'}, "'slots' of executor 'slurm' is 'many'"),
    ],
)
def test_mistakes(tmp_path: Path, options: dict, says: str) -> None:
    one = node(tmp_path, 'one')
    one.write()
    with pytest.raises(UserError, match=says):
        make_executor('slurm', **{'gpus_per_run': 0, **options}).submit(one.folder)

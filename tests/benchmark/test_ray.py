"""Nodes on a real Ray cluster of two machines, which are processes here: killed workers, machines and drivers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import COMMAND, end, events, marks, mini, node, pair, start_driver, sums, wait_for, worker_of
from ray_cluster import two_machines

from benchmark.driver import Driver
from benchmark.executors import make_executor
from benchmark.nodes import Graph, Node, state
from pretrain.errors import UserError

ray = pytest.importorskip('ray', reason='ray is not installed; `make setup-cluster`')
pytestmark = [pytest.mark.crash, pytest.mark.timeout(150)]


@pytest.fixture(scope='module')
def cluster() -> Iterator:
    with two_machines(MIMBENCH_COMMAND=COMMAND) as cluster:
        yield cluster


def test_a_killed_driver(tmp_path: Path, cluster) -> None:
    """What it started goes on, and the next one takes it over."""
    out = tmp_path / 'out'
    nodes = pair(out)
    driver = start_driver('pair', out, 'ray', address=cluster.address)
    try:
        wait_for(lambda: all((n.folder / 'started').exists() for n in nodes), 60)
    finally:
        end(driver)
    driver = start_driver('pair', out, 'ray', address=cluster.address)
    try:
        assert driver.wait(60) == 0
    finally:
        end(driver)
    assert list(sums(nodes).values()) == [0, 1] and [marks(n) for n in nodes] == [1, 1]
    told = events(out)
    assert [sum(word == kind for word, _ in told) for kind in ('started', 'adopted', 'done')] == [2, 2, 2]


def test_cancelled_and_found_again(tmp_path: Path, cluster) -> None:
    """What waits is taken back, what runs saves; a second call ends what does not."""
    moved = node(tmp_path, 'moved', 'seconds=60')
    stubborn = node(tmp_path, 'stubborn', 'seconds=60', 'ignore=SIGTERM')
    waiting = node(tmp_path, 'waiting')
    Graph([moved, stubborn, waiting]).write()
    executor = make_executor('ray', address=cluster.address, gpus_per_run=0, cpus_per_run=2)
    assert executor.slots == 2 and executor.adopt(waiting.folder) is None
    jobs = [executor.submit(n.folder) for n in (moved, stubborn)]
    wait_for(lambda: (moved.folder / 'started').exists() and (stubborn.folder / 'started').exists(), 60)
    jobs = [executor.adopt(moved.folder), jobs[1], executor.submit(waiting.folder)]
    for job in jobs:
        job.cancel()
    wait_for(lambda: [job.alive() for job in jobs] == [False, True, False])
    assert [state(n.folder, n.key).word for n in (moved, waiting)] == ['waiting', 'new']
    jobs[1].cancel()
    wait_for(lambda: not jobs[1].alive() and state(stubborn.folder, stubborn.key).lost == 1)
    executor.close()


def test_mistakes(cluster) -> None:
    with pytest.raises(UserError, match='no machine of the Ray cluster has 3 GPUs'):
        make_executor('ray', address=cluster.address, gpus_per_run=3)
    with pytest.raises(UserError, match="has no option 'adress'; allowed: slots, gpus_per_run, cpus_per_run, address"):
        make_executor('ray', adress=cluster.address)


def test_a_killed_worker_and_a_lost_machine(tmp_path: Path, cluster) -> None:
    """Last, for the cluster is smaller after it. With a machine goes the worker; its command may end its work."""
    nodes = mini(tmp_path / 'out')
    told: list[tuple[str, str]] = []

    def event(word: str, of: Node, found) -> None:
        told.append((word, of.title))
        if told.count(('started', 'child2')) == 1 and told[-1] == ('started', 'child2'):
            wait_for(lambda: all((n.folder / 'started').exists() for n in nodes[1:]), 60)
            os.killpg(worker_of(nodes[2]), signal.SIGKILL)
            cluster.remove_node(cluster.spare, allow_graceful=False)

    outcome = Driver(Graph(nodes), make_executor('ray', address=cluster.address), event=event).run()
    assert len(outcome.done) == 4 and [marks(n) for n in nodes] == [1] * 4
    assert sums(nodes) == {'parent': 1, 'child0': 2, 'child1': 11, 'child2': 101}
    assert ('retry', 'child1') in told
    assert {json.loads(n.path().read_text())['gpus'] for n in nodes} <= {'0', '1'}
    assert not ray.is_initialized()


def test_without_ray(tmp_path: Path) -> None:
    (tmp_path / 'ray.py').write_text("raise ModuleNotFoundError(name='ray')")
    code = "from benchmark.executors import make_executor; make_executor('ray')"
    environment = {**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{Path(__file__).parents[2]}'}
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True)
    assert "executor 'ray' needs ray; `make setup-cluster` installs it" in done.stderr

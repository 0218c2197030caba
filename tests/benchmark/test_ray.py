"""Nodes on a real Ray cluster of two machines, which are processes here: killed workers, machines and drivers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import COMMAND, end, events, marks, mini, node, start_driver, sums, wait_for, wide, worker_of

from benchmark.driver import Driver
from benchmark.executors import Executor, make_executor
from benchmark.nodes import Graph, Node, state
from pretrain.errors import UserError

ray = pytest.importorskip('ray', reason='ray is not installed; `make setup-cluster`')
pytestmark = [pytest.mark.crash, pytest.mark.timeout(150), pytest.mark.xdist_group('ray')]


@pytest.fixture(scope='module')
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A head without cores, and two machines of two cores, the first with two GPUs."""
    from ray.cluster_utils import Cluster

    os.environ.update(RAY_USAGE_STATS_ENABLED='0', MIMBENCH_COMMAND=COMMAND)
    cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 0, 'include_dashboard': False})
    try:
        cluster.add_node(num_cpus=2, num_gpus=2)
        cluster.spare = cluster.add_node(num_cpus=2, resources={'spare': 1})
        cluster.wait_for_nodes()
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        del os.environ['MIMBENCH_COMMAND']


@pytest.fixture
def executor(cluster) -> Iterator[Executor]:
    made = make_executor('ray', address=cluster.address, gpus_per_run=0)
    assert made.slots == 4
    yield made
    made.close()


def test_a_killed_worker(tmp_path: Path, executor: Executor) -> None:
    nodes = mini(tmp_path / 'out')
    told: list[tuple[str, str]] = []

    def event(word: str, of: Node, found) -> None:
        told.append((word, of.title))
        if told.count(('started', 'child1')) == 1 and told[-1] == ('started', 'child1'):
            wait_for((of.folder / 'started').exists)
            os.killpg(worker_of(of), signal.SIGKILL)

    outcome = Driver(Graph(nodes), executor, event=event).run()
    assert len(outcome.done) == 4 and [marks(n) for n in nodes] == [1] * 4
    assert sums(nodes) == {'parent': 1, 'child0': 2, 'child1': 11, 'child2': 101}
    assert [title for word, title in told if word == 'retry'] == ['child1']
    assert ray.is_initialized() is False


def test_a_killed_driver(tmp_path: Path, cluster) -> None:
    """What it started goes on, and the next one takes it over."""
    out = tmp_path / 'out'
    nodes = wide(out)
    options = {'address': cluster.address, 'gpus_per_run': 0, 'slots': 2}
    driver = start_driver('wide', out, 'ray', **options)
    try:
        wait_for(lambda: sum((n.folder / 'started').exists() for n in nodes) == 2, 60)
    finally:
        end(driver)
    driver = start_driver('wide', out, 'ray', **options)
    try:
        assert driver.wait(60) == 0
    finally:
        end(driver)
    assert list(sums(nodes).values()) == [0, 1, 2, 3] and [marks(n) for n in nodes] == [1] * 4
    begun = [title for word, title in events(out) if word == 'started']
    assert sorted(begun) == ['node0', 'node1', 'node2', 'node3']


def test_cancelled_and_found_again(tmp_path: Path, executor: Executor) -> None:
    """What waits is taken back, what runs saves; a second call ends what does not."""
    running = [node(tmp_path, f'n{i}', 'seconds=60', *words) for i, words in enumerate([[], [], [], ['ignore=SIGTERM']])]
    waiting = node(tmp_path, 'waiting')
    Graph([*running, waiting]).write()
    assert executor.adopt(waiting.folder) is None
    jobs = [executor.submit(n.folder) for n in running]
    wait_for(lambda: all((n.folder / 'started').exists() for n in running), 60)
    jobs.append(executor.submit(waiting.folder))
    jobs[0] = executor.adopt(running[0].folder)
    for job in jobs:
        job.cancel()
    wait_for(lambda: [job.alive() for job in jobs] == [False, False, False, True, False])
    assert [state(n.folder, n.key).word for n in (*running[:3], waiting)] == ['waiting'] * 3 + ['new']
    jobs[3].cancel()
    wait_for(lambda: not jobs[3].alive() and state(running[3].folder, running[3].key).lost == 1)


def test_a_run_sees_its_gpus(tmp_path: Path, cluster) -> None:
    one = node(tmp_path, 'one')
    assert Driver(Graph([one]), make_executor('ray', address=cluster.address, gpus_per_run=2)).run().done
    assert json.loads(one.path().read_text())['gpus'] == '0,1'


def test_mistakes(cluster) -> None:
    with pytest.raises(UserError, match='no machine of the Ray cluster has 3 GPUs'):
        make_executor('ray', address=cluster.address, gpus_per_run=3)
    with pytest.raises(UserError, match="has no option 'adress'; allowed: slots, gpus_per_run, cpus_per_run, address"):
        make_executor('ray', adress=cluster.address)


def test_a_lost_machine(tmp_path: Path, cluster) -> None:
    """Last, for the cluster is smaller after it. Ray kills a worker with its machine; its command may end its work."""
    nodes = wide(tmp_path / 'out')
    lost = []

    def event(word: str, of: Node, found) -> None:
        if word == 'started' and of.title == 'node3':
            wait_for(lambda: all((n.folder / 'started').exists() for n in nodes), 60)
            cluster.remove_node(cluster.spare, allow_graceful=False)
            lost.append(of)

    executor = make_executor('ray', address=cluster.address, gpus_per_run=0)
    outcome = Driver(Graph(nodes), executor, event=event).run()
    assert lost and len(outcome.done) == 4 and [marks(n) for n in nodes] == [1] * 4


def test_without_ray(tmp_path: Path) -> None:
    (tmp_path / 'ray.py').write_text("raise ModuleNotFoundError(name='ray')")
    code = "from benchmark.executors import make_executor; make_executor('ray')"
    environment = {**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{Path(__file__).parents[2]}'}
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True)
    assert "executor 'ray' needs ray; `make setup-cluster` installs it" in done.stderr

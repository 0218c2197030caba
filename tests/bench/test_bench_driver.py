"""What driver and worker add to a study, and how long planning ten thousand nodes takes.

The peer starts the same commands from a pool of threads and nothing else: no folder, lock, heartbeat, marker or retry.
A node of a mini study takes some 20 s; these sleep for less, and what is added for each is held against those 20 s.
`BENCH=full` lets them sleep for 20 s, and the share is measured as it is.
"""

import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark.drawn import Place
from benchmark.driver import Driver
from benchmark.executors.local import LocalExecutor
from benchmark.nodes import Graph, Node, state
from benchmark.plan import Weights, transfers
from benchmark.store import collect
from benchmark.suites import read_suite

pytestmark = pytest.mark.bench

PARENTS, CHILDREN, SLOTS = 5, 45, 5
WAVES = (PARENTS + CHILDREN) // SLOTS
MINI_SECONDS = 20.0
SECONDS = MINI_SECONDS if os.environ.get('BENCH') == 'full' else 0.5
COMMAND = [sys.executable, str(Path(__file__).parents[1] / 'benchmark' / 'fake_mimbench.py')]


def study(out: Path, children: int) -> list[Node]:
    def node(title: str, *needs: Node) -> Node:
        words = (f'seconds={SECONDS}', *(str(need.path()) for need in needs))
        return Node('transfer', title, title, words, 'result.json', out, tuple(need.key for need in needs))

    parents = [node(f'parent{i}') for i in range(PARENTS)]
    return parents + [node(f'child{i}', parents[i % PARENTS]) for i in range(children)]


def through_driver(out: Path) -> float:
    start = time.perf_counter()
    outcome = Driver(Graph(study(out, CHILDREN)), LocalExecutor(SLOTS)).run()
    collect([out])
    assert len(outcome.done) == PARENTS + CHILDREN
    return time.perf_counter() - start


def through_threads(out: Path) -> float:
    nodes = study(out, CHILDREN)

    def run(node: Node) -> None:
        node.folder.mkdir(parents=True)
        subprocess.run([*COMMAND, *node.words, '--work-dir', str(node.folder)], check=True)

    start = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        for part in (nodes[:PARENTS], nodes[PARENTS:]):
            list(pool.map(run, part))
    return time.perf_counter() - start


def test_what_a_driver_adds(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('MIMBENCH_COMMAND', shlex.join(COMMAND))
    bare, whole = [], []
    for i in range(1 if SECONDS == MINI_SECONDS else 2):  # alternating, so that other load on the machine meets both
        bare.append(through_threads(tmp_path / f'bare{i}'))
        whole.append(through_driver(tmp_path / f'whole{i}'))
    added = (min(whole) - min(bare)) / WAVES
    share = added / MINI_SECONDS
    with capsys.disabled():
        print(f'\n{PARENTS + CHILDREN} nodes of {SECONDS} s, {SLOTS} at a time: {min(bare):.1f} s')
        print(f'  with driver and store: {min(whole):.1f} s')
        print(f'  for each node {added:.2f} s more, {share:.1%} of {MINI_SECONDS:.0f} s')
    # other load makes the workers start slowly, but does not make a node that sleeps any slower
    assert share < (0.02 if SECONDS == MINI_SECONDS else 0.05)


def test_planning(tmp_path, capsys):
    """A hundred checkpoints by four transfers and 25 seeds, from the suite to the driver's order, and planned again."""
    suite = read_suite('mini').chosen(['knn', 'linear', 'attentive', 'finetune'])
    weights = [Weights(f'c{i}', tmp_path / f'c{i}', 'image', f'{i:064d}', 'vit') for i in range(100)]
    places = {'images': Place('/train', '/val')}

    def planned() -> tuple[Graph, float]:
        start = time.perf_counter()
        graph = Graph(transfers(weights, suite, places, 25, tmp_path / 'out'))
        Driver(graph, LocalExecutor(1))
        return graph, time.perf_counter() - start

    graph, first = planned()
    start = time.perf_counter()
    graph.write()
    written = time.perf_counter() - start
    again, second = planned()
    start = time.perf_counter()
    words = {state(node.folder, node.key).word for node in again}
    looked = time.perf_counter() - start
    with capsys.disabled():
        print(f'\n  {len(graph):,} nodes: planned in {first:.2f} s, written in {written:.2f} s', end='')
        print(f'; once more in {second:.2f} s, all looked at in {looked:.2f} s')
    assert len(graph) == 10_100 and max(first, second) < 5 and words == {'new'}
    assert [node.folder for node in again] == [node.folder for node in graph]

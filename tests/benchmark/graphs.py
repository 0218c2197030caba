"""Graphs for tests, and a driver of one in a process of its own: `python graphs.py STUDY OUT EXECUTOR OPTIONS`.

The command is `fake_mimbench.py` in place of mimbench, so a node takes milliseconds.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmark.driver import Driver
from benchmark.executors import make_executor
from benchmark.executors.local import LocalExecutor
from benchmark.nodes import ATTEMPTS, Graph, Node, read_lines

COMMAND = shlex.join([sys.executable, str(Path(__file__).with_name('fake_mimbench.py'))])
"""For MIMBENCH_COMMAND."""


def node(out: Path, title: str, *words: str, needs: tuple[Node, ...] = ()) -> Node:
    reads = tuple(str(need.path()) for need in needs)
    return Node('transfer', title, [title, *words], (*words, *reads), 'result.json', out, tuple(n.key for n in needs))


def mini(out: Path) -> list[Node]:
    """A parent and three children; a child's first attempt takes long enough to be met."""
    parent = node(out, 'parent', 'value=1')
    return [parent] + [node(out, f'child{i}', f'value={10**i}', 'first-seconds=2', needs=(parent,)) for i in range(3)]


def wide(out: Path) -> list[Node]:
    """Four that need nothing, slow enough that all are in a queue before the first ends."""
    return [node(out, f'node{i}', f'value={i}', 'first-seconds=4') for i in range(4)]


def ablation(out: Path) -> list[Node]:
    """Four parents with five children each; a node takes 0.3 to 1 s."""
    nodes = [node(out, f'parent{i}', f'value={i}', f'seconds={0.4 + 0.2 * i}') for i in range(4)]
    for i in range(20):
        nodes.append(node(out, f'child{i}', f'value={100 * i}', f'seconds={0.3 + 0.035 * i}', needs=(nodes[i % 4],)))
    return nodes


def pair(out: Path) -> list[Node]:
    return [node(out, f'node{i}', f'value={i}', 'first-seconds=10') for i in range(2)]


STUDIES = {'mini': mini, 'pair': pair, 'wide': wide, 'ablation': ablation}


def sums(nodes: list[Node]) -> dict[str, int]:
    """The result of each node by its title; KeyError or FileNotFoundError where there is none."""
    return {n.title: json.loads(n.path().read_text())['sum'] for n in nodes}


def completions(of: Node) -> int:
    """How often the worker saw the command end well."""
    return sum(line.get('code') == 0 for line in read_lines(of.folder / ATTEMPTS))


def marks(of: Node) -> int:
    """How often the command ran to its end."""
    return len(list(of.folder.glob('completed-*')))


def worker_of(of: Node) -> int:
    """Id of the process of the last worker that began."""
    return [line['pid'] for line in read_lines(of.folder / ATTEMPTS) if 'pid' in line][-1]


def run(nodes: list[Node], slots: int = 2, **options):
    """The outcome of a graph on this machine, and its events: words and titles."""
    events: list[tuple[str, str]] = []
    driver = Driver(Graph(nodes), LocalExecutor(slots), event=lambda w, n, s: events.append((w, n.title)), **options)
    return driver.run(), events


def wait_for(met: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.time() + seconds
    while not met():
        assert time.time() < deadline, 'waited in vain'
        time.sleep(0.02)


def start_driver(study: str, out: Path, executor: str, **options) -> subprocess.Popen:
    """A driver in a process of its own; it writes its events to `OUT.events`."""
    words = [sys.executable, __file__, study, str(out), executor, json.dumps(options)]
    repo = str(Path(__file__).parents[2])
    environment = {**os.environ, 'MIMBENCH_COMMAND': COMMAND, 'PYTHONPATH': repo}
    return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


def events(out: Path) -> list[tuple[str, str]]:
    """What drivers told, in order: word and title."""
    path = out.with_suffix('.events')
    return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []


def end(process: subprocess.Popen) -> None:
    """Kill a process that was started here."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def main(study: str, out: str, executor: str, options: str) -> int:
    with open(Path(out).with_suffix('.events'), 'a', buffering=1) as file:
        graph = Graph(STUDIES[study](Path(out)))
        driver = Driver(
            graph,
            make_executor(executor, **json.loads(options)),
            retries=100,
            event=lambda word, of, found: print(word, of.title, file=file),
        )
        outcome = driver.run()
    return 0 if len(outcome.done) == len(graph) else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))

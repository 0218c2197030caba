"""Graphs of nodes: order, retries, resuming, and what a killed driver or worker leaves.

The command is a few lines of Python in place of mimbench, so a node takes milliseconds.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.driver import Driver
from benchmark.executors.local import LocalExecutor
from benchmark.nodes import ATTEMPTS, DONE, Graph, Node, read_json, read_lines, state
from pretrain.errors import UserError
from pretrain.occupancy import occupy

pytestmark = [pytest.mark.unit, pytest.mark.timeout(60)]

COMMAND = Path(__file__).with_name('fake_mimbench.py')


@pytest.fixture(autouse=True)
def fake_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_COMMAND', shlex.join([sys.executable, str(COMMAND)]))
    monkeypatch.setattr('benchmark.driver.POLL_SECONDS', 0.02)


def node(out: Path, title: str, *words: str, needs: tuple[Node, ...] = ()) -> Node:
    reads = tuple(str(need.path()) for need in needs)
    return Node('transfer', title, [title, *words], (*words, *reads), 'result.json', out, tuple(n.key for n in needs))


def run(nodes: list[Node], slots: int = 2, **options):
    events: list[tuple[str, str]] = []
    driver = Driver(Graph(nodes), LocalExecutor(slots), event=lambda w, n, s: events.append((w, n.title)), **options)
    return driver.run(), events


def completions(of: Node) -> int:
    return sum(line.get('code') == 0 for line in read_lines(of.folder / ATTEMPTS))


def test_parents_run_once_and_first(tmp_path: Path) -> None:
    parent = node(tmp_path, 'parent', 'value=1')
    children = [node(tmp_path, f'child{i}', f'value={i}', needs=(parent,)) for i in range(3)]
    outcome, events = run([parent, *children, parent])
    assert len(outcome.done) == 4 and not outcome.failed
    assert events[:2] == [('started', 'parent'), ('done', 'parent')]
    assert [completions(n) for n in (parent, *children)] == [1, 1, 1, 1]
    assert json.loads(children[2].path().read_text())['sum'] == 3  # its own 2 and the parent's 1
    again, events = run([parent, *children])
    assert again.done == outcome.done and {word for word, _ in events} == {'done'}


def test_what_a_finished_parent_frees_is_started_once(tmp_path: Path) -> None:
    parent = node(tmp_path, 'parent')
    run([parent])
    children = [node(tmp_path, f'child{i}', needs=(parent,)) for i in range(4)]
    outcome, events = run([parent, *children])
    assert len(outcome.done) == 5
    assert [title for word, title in events if word == 'started'] == [child.title for child in children]


def test_failures_are_tried_again_and_then_block_what_needs_them(tmp_path: Path) -> None:
    once = node(tmp_path, 'once', 'fail-first=1')
    never = node(tmp_path, 'never', 'code=1')
    child = node(tmp_path, 'child', needs=(never,))
    outcome, events = run([once, never, child], retries=1)
    assert outcome.done == {once.key} and set(outcome.failed) == {never.key} and outcome.blocked == {child.key}
    assert 'asked to fail' in outcome.failed[never.key]
    assert events.count(('retry', 'once')) == 1 and events.count(('started', 'never')) == 2


def test_a_mistake_of_the_user_is_not_tried_again(tmp_path: Path) -> None:
    _, events = run([node(tmp_path, 'wrong', 'code=2')], retries=5)
    assert events == [('started', 'wrong'), ('failed', 'wrong')]


def test_preemptions_are_not_failures(tmp_path: Path) -> None:
    moved = node(tmp_path, 'moved', 'preempt-first=4')
    outcome, events = run([moved], retries=0)
    assert outcome.done == {moved.key} and events.count(('requeued', 'moved')) == 4


def test_a_command_that_leaves_no_product_failed(tmp_path: Path) -> None:
    outcome, _ = run([node(tmp_path, 'empty', 'leave=nothing')], retries=0)
    assert 'is not there' in next(iter(outcome.failed.values()))


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    """Its command lives on and holds the node; what it finished is committed, and not done again."""
    slow = node(tmp_path, 'slow', 'seconds=1.5')
    killed = []

    def kill(word: str, of: Node, found) -> None:
        if word == 'started' and not killed:
            deadline = time.time() + 20
            while not (lines := read_lines(of.folder / ATTEMPTS)) and time.time() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            os.kill(lines[0]['pid'], signal.SIGKILL)
            killed.append(lines[0]['pid'])

    outcome = Driver(Graph([slow]), LocalExecutor(1), event=kill).run()
    assert killed and outcome.done == {slow.key}
    assert len(list(slow.folder.glob('completed-*'))) == 1


def test_two_drivers_do_not_share_a_folder(tmp_path: Path) -> None:
    with occupy(tmp_path), pytest.raises(UserError, match='in use by process'):
        run([node(tmp_path, 'a')])


def test_a_folder_of_another_node_is_refused(tmp_path: Path) -> None:
    mine = node(tmp_path, 'a')
    mine.write()
    facts = read_json(mine.folder / 'node.json')
    (mine.folder / 'node.json').write_text(json.dumps({**facts, 'key': 'other'}))
    with pytest.raises(UserError, match='belongs to node other'):
        run([mine])


def test_a_torn_marker_counts_for_nothing(tmp_path: Path) -> None:
    one = node(tmp_path, 'a')
    run([one])
    text = (one.folder / DONE).read_text()
    for part in ('', text[:20]):
        (one.folder / DONE).write_text(part)
        assert state(one.folder, one.key).word != 'done'
    outcome, _ = run([one])
    assert outcome.done == {one.key} and completions(one) == 1


def test_a_worker_that_cannot_start_fails(tmp_path: Path) -> None:
    class Dead:
        def alive(self) -> bool:
            return False

        def cancel(self) -> None: ...

    class Executor:
        slots = 1

        def submit(self, folder: Path) -> Dead:
            return Dead()

        def close(self) -> None: ...

    outcome = Driver(Graph([node(tmp_path, 'a')]), Executor(), retries=1).run()
    assert list(outcome.failed.values()) == ['it ended without a word']


def test_a_signal_stops_the_driver_and_its_nodes(tmp_path: Path) -> None:
    slow = [node(tmp_path, f'slow{i}', 'seconds=30') for i in range(3)]

    def stop(word: str, of: Node, found) -> None:
        if word == 'started' and of.title == 'slow1':
            deadline = time.time() + 20
            while time.time() < deadline and not all((n.folder / 'started').exists() for n in slow[:2]):
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGTERM)

    outcome = Driver(Graph(slow), LocalExecutor(2), event=stop).run()
    assert outcome.interrupted and not outcome.done
    assert [state(n.folder, n.key).word for n in slow] == ['waiting', 'waiting', 'new']


def test_planning_many_nodes_is_fast(tmp_path: Path) -> None:
    start = time.perf_counter()
    nodes = [node(tmp_path, 'parent')]
    nodes += [node(tmp_path, f'n{i}', f'value={i}', needs=(nodes[0],)) for i in range(10_000)]
    driver = Driver(Graph(nodes), LocalExecutor(1))
    assert len(driver.waits) == 10_001 and time.perf_counter() - start < 5


def test_the_worker_names_a_folder_without_a_node(tmp_path: Path) -> None:
    call = [sys.executable, '-m', 'benchmark.worker', str(tmp_path)]
    done = subprocess.run(call, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 2 and 'no node.json' in done.stderr

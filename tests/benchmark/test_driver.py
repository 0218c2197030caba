"""Graphs of nodes: order, retries, resuming, and what a killed driver or worker leaves.

The command is a few lines of Python in place of mimbench, so a node takes milliseconds.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from graphs import COMMAND, completions, node, run, wait_for, worker_of

from benchmark.command import mimbench
from benchmark.driver import Driver
from benchmark.executors import Refused
from benchmark.executors.local import LocalExecutor
from benchmark.nodes import ATTEMPTS, DONE, Graph, Node, note, read_json, read_lines, state
from benchmark.worker import spent
from pretrain.errors import UserError
from pretrain.occupancy import occupy
from tools.verbs.running import add_running_options, run_graph

pytestmark = [pytest.mark.unit, pytest.mark.timeout(60)]


@pytest.fixture(autouse=True)
def fake_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_COMMAND', COMMAND)
    monkeypatch.setattr('benchmark.driver.POLL_SECONDS', 0.02)


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


def test_a_driver_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    """What is done frees what needs it once: a node with two parents waits for both."""
    done = node(tmp_path, 'done', 'value=1')
    run([done])
    slow = node(tmp_path, 'slow', 'value=2', 'seconds=0.5')
    child = node(tmp_path, 'child', 'value=4', needs=(done, slow))
    leaf = node(tmp_path, 'leaf', needs=(done,))
    outcome, events = run([done, slow, child, leaf], slots=4)
    assert len(outcome.done) == 4 and len(events) == len(set(events)) == 1 + 3 * 2
    assert json.loads(child.path().read_text())['sum'] == 7
    assert [completions(n) for n in (done, slow, child, leaf)] == [1, 1, 1, 1]


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


def test_who_gives_the_command_again_has_mended_the_cause(tmp_path: Path) -> None:
    """Attempts of earlier drivers, and those that a power cut ended, are no reason to give up."""
    wrong, cut = node(tmp_path, 'wrong', 'code=2'), node(tmp_path, 'cut')
    run([wrong], retries=0)
    _, events = run([wrong], retries=0)
    assert events == [('started', 'wrong'), ('failed', 'wrong')]
    Graph([cut]).write()
    (cut.folder / ATTEMPTS).write_text('{"host": "a", "started": 1}\n' * 5)
    outcome, _ = run([cut], retries=2)
    assert outcome.done == {cut.key}


def test_how_a_node_is_to_run_may_change_until_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_COMMAND', f'{COMMAND} {{processes}}')
    first = node(tmp_path, 'a')
    first.write()
    more = replace(first, processes=4)
    more.write()
    assert read_json(first.folder / 'node.json')['processes'] == 4
    run([more])
    first.write()
    assert read_json(first.folder / 'node.json')['processes'] == 4


def test_no_gpus_need_no_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('MIMBENCH_COMMAND')
    assert mimbench(0) == mimbench(1) == [sys.executable, '-m', 'tools.main']
    assert mimbench(2)[-4:-2] == ['--nproc-per-node', '2']


def test_a_command_of_ones_own_says_how_several_processes_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_COMMAND', 'run image mimbench')
    assert mimbench(1) == ['run', 'image', 'mimbench']
    with pytest.raises(UserError, match=r'starts one process, and 8 are asked for; .*--nproc-per-node {processes}'):
        mimbench(8)
    monkeypatch.setenv('MIMBENCH_COMMAND', 'run image torchrun --nproc-per-node {processes} -m tools.main')
    assert mimbench(8)[4] == '8'


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
            while not (of.folder / 'started').exists() and time.time() < deadline:
                time.sleep(0.02)
            killed.append(worker_of(of))
            os.kill(killed[0], signal.SIGKILL)

    outcome = Driver(Graph([slow]), LocalExecutor(1), event=kill).run()
    assert killed and outcome.done == {slow.key}
    assert len(list(slow.folder.glob('completed-*'))) == 1


def test_a_node_of_a_killed_driver_keeps_its_slot_and_can_be_stopped(tmp_path: Path) -> None:
    """The executor of the next driver knows it by its folder."""
    slow, other = node(tmp_path, 'slow', 'seconds=30'), node(tmp_path, 'other', 'seconds=30')
    Graph([slow, other]).write()
    LocalExecutor(2).submit(slow.folder)
    wait_for(lambda: (slow.folder / 'started').exists())
    second = LocalExecutor(2)
    assert second.adopt(other.folder) is None
    adopted = second.adopt(slow.folder)
    assert adopted is not None and adopted.alive() and (adopted.slot, second.submit(other.folder).slot) == (0, 1)
    wait_for(lambda: (other.folder / 'started').exists())
    for job in second.jobs:
        job.cancel()
    wait_for(lambda: not any(job.alive() for job in second.jobs))
    assert [state(n.folder, n.key).word for n in (slow, other)] == ['waiting', 'waiting']


def test_a_second_cancel_ends_the_command_too(tmp_path: Path) -> None:
    stubborn = node(tmp_path, 'stubborn', 'seconds=30', 'ignore=SIGTERM')
    stubborn.write()
    job = LocalExecutor(1).submit(stubborn.folder)
    wait_for(lambda: (stubborn.folder / 'started').exists())
    job.cancel()
    time.sleep(0.3)
    assert job.alive()
    job.cancel()
    wait_for(lambda: not job.alive())
    assert state(stubborn.folder, stubborn.key).lost == 1


def test_a_command_that_a_signal_ends_before_it_can_answer_was_preempted(tmp_path: Path) -> None:
    early = node(tmp_path, 'early', 'seconds=30', 'ignore=nothing')
    early.write()
    job = LocalExecutor(1).submit(early.folder)
    wait_for(lambda: (early.folder / 'started').exists())
    job.cancel()
    wait_for(lambda: not job.alive())
    found = state(early.folder, early.key)
    assert (found.word, found.code, found.failures) == ('waiting', 75, 0)


@pytest.mark.parametrize(
    'gpus, slots, each, said',
    [
        ('0,1,2', 2, 2, 'this machine has 3 GPUs; at most --slots 1 fits'),
        ('0,1,2', 0, 4, 'this machine has 3 GPUs; at most 3 fit'),
        ('5', 1, 2, 'this machine has 1 GPU; at most 1 fit'),
    ],
)
def test_a_slot_with_too_few_gpus_is_refused(
    monkeypatch: pytest.MonkeyPatch, gpus: str, slots: int, each: int, said: str
) -> None:
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', gpus)
    with pytest.raises(UserError, match=said):
        LocalExecutor(slots, each)


@pytest.mark.parametrize(
    'gpus, slots, each, found',
    [('0,1,2', 0, 2, 1), ('0,1,2,3', 4, 2, 4), ('0', 3, 1, 3), ('0', 2, 0, 2), ('', 3, 2, 3)],
)
def test_slots_may_share_gpus(monkeypatch: pytest.MonkeyPatch, gpus: str, slots: int, each: int, found: int) -> None:
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', gpus)
    assert LocalExecutor(slots, each).slots == found


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


class StubJob:
    """Starts nothing."""

    def __init__(self, alive: bool):
        self.lives, self.cancels = alive, 0

    def alive(self) -> bool:
        return self.lives

    def cancel(self) -> None:
        self.cancels += 1
        self.lives = False


class StubExecutor:
    """Jobs that live or die as they are told; `then` is called with each submission's number and folder."""

    slots = 1

    def __init__(self, alive: bool, then: Callable[[int, Path], None] = lambda count, folder: None):
        self.alive, self.then, self.jobs = alive, then, []

    def submit(self, folder: Path) -> StubJob:
        self.jobs.append(StubJob(self.alive))
        self.then(len(self.jobs), folder)
        return self.jobs[-1]

    def adopt(self, folder: Path) -> None:
        return None

    def close(self) -> None: ...


@pytest.mark.parametrize('ended', [None, 75])
def test_a_worker_that_cannot_start_fails(tmp_path: Path, ended: int | None) -> None:
    """Also one whose node was preempted before."""
    one = node(tmp_path, 'a')
    Graph([one]).write()
    if ended:
        note(one.folder, host='a', started=1)
        note(one.folder, code=ended, ended=2)
    executor = StubExecutor(alive=False)
    outcome = Driver(Graph([one]), executor, retries=1).run()
    assert list(outcome.failed.values()) == ['it ended without a word'] and len(executor.jobs) == 2


def test_a_job_that_waits_is_not_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever became of earlier attempts: a queue may be long."""
    monkeypatch.setattr('benchmark.driver.STALE_SECONDS', 0.1)
    monkeypatch.setattr('benchmark.driver.BEAT_SECONDS', 0.02)
    one = node(tmp_path, 'a')
    Graph([one]).write()
    note(one.folder, host='a', started=1)
    executor = StubExecutor(alive=True)
    driver = Driver(Graph([one]), executor)
    threading.Timer(0.6, driver.stop.set).start()
    assert driver.run().interrupted
    assert [job.cancels for job in executor.jobs] == [1]


def test_a_job_that_began_and_fell_silent_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('benchmark.driver.STALE_SECONDS', 0.1)
    monkeypatch.setattr('benchmark.driver.BEAT_SECONDS', 0.02)
    one = node(tmp_path, 'a')
    executor = StubExecutor(True, lambda count, folder: note(folder, host='a', started=1))
    outcome = Driver(Graph([one]), executor, retries=1).run()
    assert set(outcome.failed) == {one.key} and [job.cancels for job in executor.jobs] == [2, 2]


def test_what_the_executor_refuses_is_asked_again(tmp_path: Path) -> None:
    nodes = [node(tmp_path, f'a{i}') for i in range(3)]
    executor, refused = LocalExecutor(2), []
    submit = executor.submit

    def reluctant(folder: Path):
        if refused.count(folder) < 3:
            refused.append(folder)
            raise Refused('busy')
        return submit(folder)

    executor.submit = reluctant
    outcome = Driver(Graph(nodes), executor).run()
    assert outcome.done == {n.key for n in nodes} and len(refused) == 9
    assert [sum('submitted' in line for line in read_lines(n.folder / ATTEMPTS)) for n in nodes] == [1, 1, 1]


def test_time_that_was_saved_counts_and_time_that_was_lost_is_not_known() -> None:
    begin, preempted = {'host': 'a', 'started': 10.0}, {'code': 75, 'ended': 40.0}
    again = {'host': 'b', 'started': 100.0}
    assert spent([begin], 25.0) == spent([begin, {'code': 0, 'ended': 26.0}], 25.0) == (15.0, True)
    assert spent([begin, preempted, {'submitted': 50.0}, again], 120.0) == (50.0, True)
    assert spent([begin, again], 120.0) == (20.0, False), 'the first vanished'
    assert spent([begin, {'code': 1, 'ended': 40.0}, again], 120.0) == (20.0, False)
    assert spent([], 120.0) == (0.0, True)


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


def test_the_worker_names_a_folder_without_a_node(tmp_path: Path) -> None:
    call = [sys.executable, '-m', 'benchmark.worker', str(tmp_path)]
    done = subprocess.run(call, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 2 and 'no node.json' in done.stderr


def test_without_retries_what_outlived_its_worker_is_still_committed(tmp_path: Path) -> None:
    slow = node(tmp_path, 'slow', 'seconds=1')
    killed = []

    def kill(word: str, of: Node, found) -> None:
        if word == 'started' and not killed:
            wait_for(lambda: (of.folder / 'started').exists())
            killed.append(worker_of(of))
            os.kill(killed[0], signal.SIGKILL)

    outcome = Driver(Graph([slow]), LocalExecutor(1), retries=0, event=kill).run()
    assert killed and outcome.done == {slow.key}
    assert sum('host' in line for line in read_lines(slow.folder / ATTEMPTS)) == 1


def test_a_name_that_is_no_text_runs(tmp_path: Path) -> None:
    one = node(tmp_path / os.fsdecode(b'm\xfcnchen'), 'one')
    assert run([one])[0].done == {one.key}


def test_a_control_takes_the_network_of_another_pre_training(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """That of the first variant failed; without a control nothing could be said of the others."""
    out = tmp_path / 'out'
    bad, good = node(out, 'bad', 'code=1'), node(out, 'good', 'value=1')

    def plan() -> Graph:
        first = good if good.path().exists() else bad
        control = replace(node(out, 'control', 'value=2', needs=(first,)), identity='control', labels={'control': True})
        return Graph([bad, good, control])

    parser = argparse.ArgumentParser()
    add_running_options(parser)
    assert run_graph(plan(), out, parser.parse_args(['--no-probe', '--retries', '0']), plan) == 1
    said = capsys.readouterr().out
    assert '2 done, 1 failed of 3' in said
    assert sum('host' in line for line in read_lines(bad.folder / ATTEMPTS)) == 1

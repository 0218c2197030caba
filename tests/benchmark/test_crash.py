"""Kills at random moments: of workers, of what they run, and of the driver. Nothing is lost, and nothing done twice."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from graphs import ablation, completions, end, marks, start_driver, sums

from benchmark.nodes import ATTEMPTS, Node, is_done, read_lines
from benchmark.store import collect

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

KILLS, WORKERS = 20, 4
WRITERS, RESULTS = 64, 100


def running(nodes: list[Node]) -> list[int]:
    """Ids of the processes of workers that live, each the leader of the group with its command."""
    found = []
    for node in nodes:
        begun = [line['pid'] for line in read_lines(node.folder / ATTEMPTS) if 'pid' in line]
        with contextlib.suppress(OSError, IndexError):
            if 'benchmark.worker' in Path(f'/proc/{begun[-1]}/cmdline').read_text():
                found.append(begun[-1])
    return found


def test_an_ablation_under_twenty_kills(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    nodes = ablation(out)
    chance = random.Random(0)
    kinds = ['worker'] * 8 + ['tree'] * 6 + ['driver'] * 6
    chance.shuffle(kinds)
    done: list[str] = []
    driver = start_driver('ablation', out, 'local', slots=WORKERS)
    try:
        while len(done) < KILLS and driver.poll() is None:
            time.sleep(chance.uniform(0.05, 0.45))
            kind = kinds[len(done)]
            if kind == 'driver':
                end(driver)
                driver = start_driver('ablation', out, 'local', slots=WORKERS)
            else:
                victims = running(nodes)
                if not victims:
                    continue
                with contextlib.suppress(ProcessLookupError):
                    victim = chance.choice(victims)
                    (os.kill if kind == 'worker' else os.killpg)(victim, signal.SIGKILL)
            done.append(kind)
        assert driver.wait(120) == 0
    finally:
        end(driver)
    assert len(done) == KILLS
    assert all(is_done(node.folder, node.key) for node in nodes)
    parents = [0, 1, 2, 3]  # what the undisturbed run gives
    expected = {f'parent{i}': i for i in parents} | {f'child{i}': 100 * i + parents[i % 4] for i in range(20)}
    assert sums(nodes) == expected
    assert [marks(node) for node in nodes] == [1] * 24
    assert max(completions(node) for node in nodes) == 1


WRITER = """
import json, sys
from pathlib import Path
from pretrain.record import Cost, Protocol, Result, Start, write_result

out, writer, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
log = open(out / f'written-{writer}', 'a', buffering=1)
protocol = Protocol(
    id='crash', version=1, metric='top1', higher_is_better=True, init_stage='mim', recipe='recipe', hash='hash'
)
cost = Cost(wall_seconds=1, gpu_seconds=0, peak_memory_mb=1, peak_gpu_memory_mb=0)
for i in range(count):
    result = Result(
        protocol=protocol, scores={'top1': i / count}, num_samples={'val': 1}, seed=1000 * writer + i,
        start=Start(random=True), load_report=None, domain='classification', config='c.py', config_hash='c',
        environment={'text': 'x' * 4000}, command='mimbench', finished='2026-01-01T00:00:00Z', cost=cost,
    )
    write_result(out / f'run-{writer}-{i}', result)
    log.write(f'{i}\\n')
"""


def test_results_of_killed_writers(tmp_path: Path) -> None:
    """What was written counts; what a kill cut off is nowhere."""
    chance = random.Random(1)
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}
    words = [sys.executable, '-c', WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*words, str(i), str(RESULTS)], env=environment) for i in range(WRITERS)]
    victims = {i: chance.randrange(RESULTS) for i in chance.sample(range(WRITERS), WRITERS // 2)}
    try:
        while victims:
            for victim, at in list(victims.items()):
                log = tmp_path / f'written-{victim}'
                if writers[victim].poll() is not None or (log.exists() and log.read_text().count('\n') >= at):
                    end(writers[victim])
                    del victims[victim]
        codes = [writer.wait(120) for writer in writers]
    finally:
        for writer in writers:
            end(writer)
    killed = {i for i, code in enumerate(codes) if code == -signal.SIGKILL}
    assert len(killed) > WRITERS // 4 and all(codes[i] == 0 for i in range(WRITERS) if i not in killed)
    told = {(i, int(n)) for i in range(WRITERS) for n in (tmp_path / f'written-{i}').read_text().split()}
    collection = collect([tmp_path])
    assert not collection.problems
    found = {divmod(run.result.seed, 1000): run.result for run in collection.runs}
    assert told <= found.keys() and len(found) - len(told) <= len(killed)  # a kill between rename and telling
    assert len(told) >= RESULTS * (WRITERS - len(killed))
    assert all(result.scores['top1'] == number / RESULTS for (_, number), result in found.items())
    torn = list(tmp_path.glob('*/.result*'))
    assert len(torn) <= len(killed)
    print(json.dumps({'killed': len(killed), 'told': len(told), 'found': len(found), 'cut off': len(torn)}))

"""What a plan will cost: from earlier runs of the same kind on this machine, else from a measured probe."""

import json
import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from benchmark.command import environment, mimbench
from benchmark.nodes import Node, read_json, read_lines
from pretrain.files import cache_folder

LEDGER = 'costs.jsonl'
PROBE_SECONDS = 5.0
PROBE_LIMIT = 90.0
"""Seconds after which a probe is given up."""


def ledger() -> Path:
    return cache_folder('costs') / LEDGER


def remember(cost_class: str, seconds: float, **facts: bool) -> None:
    """Note what a finished node took, for later predictions; or, with `probed=True`, what a probe predicts."""
    if not cost_class:
        return
    path = ledger()
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({'class': cost_class, 'seconds': round(seconds, 3), **facts}) + '\n'
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, line.encode())  # one call: lines of two processes do not mix
    finally:
        os.close(handle)


def known_costs() -> dict[str, float]:
    """Mean seconds of each class of nodes that was run before, or else probed."""
    ran, probed = (defaultdict[str, list[float]](list) for _ in range(2))
    for line in read_lines(ledger()):
        (probed if line.get('probed') else ran)[line['class']].append(line['seconds'])
    return {name: sum(values) / len(values) for name, values in {**probed, **ran}.items()}


def probe(node: Node, seconds: float = PROBE_SECONDS) -> float | None:
    """Predicted seconds of a node: its command runs in a temporary folder for some updates, or to its end if it is
    short. None where it did not get so far.

    Where the checkpoint is still to be made, the network that the config names stands for it, with random weights.
    """
    with tempfile.TemporaryDirectory(prefix='mimbench-probe-') as place:
        words = _startable(node)
        hook = 'custom_hooks=' + repr([{'type': 'ProbeHook', 'seconds': seconds}])
        words += [hook] if '--cfg-options' in words else ['--cfg-options', hook]
        command = [*mimbench(1), *words, '--work-dir', place]
        begin = os.times().elapsed
        try:
            variables = {'OMP_NUM_THREADS': '1', **environment()}
            done = subprocess.run(command, env=variables, capture_output=True, timeout=PROBE_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return None
        took = os.times().elapsed - begin
        facts = read_json(Path(place) / 'probe.json')
        if facts:
            updates = facts['updates'] * facts['seconds_per_update']
            return updates + max(0.0, took - seconds)
        if done.returncode:
            said = done.stderr.decode(errors='replace').strip().splitlines() or ['it ended without a word']
            print(f'  that failed: {said[-1][:300]}')
            return None
        return took


def _startable(node: Node) -> list[str]:
    words = list(node.words)
    if node.needs and '--checkpoint' in words:
        place = words.index('--checkpoint') + 1
        words[place : place + (3 if words[place + 1] == '--like' else 1)] = ['random']
    return words


def predict(nodes: Iterable[Node], measure: bool = False) -> dict[str, float | None]:
    """Seconds by cost class for all classes of the nodes; None where nothing is known.

    Args:
        measure: probe what no earlier run tells: one node of each class, once, also where that gives nothing.
    """
    known = known_costs()
    found: dict[str, float | None] = {}
    for node in nodes:
        name = node.cost_class
        if name in found:
            continue
        found[name] = known.get(name)
        if found[name] is None and measure:
            print(f'measuring what {node.title} takes: a few updates', flush=True)
            found[name] = seconds = probe(node)
            if seconds is not None:
                remember(name, seconds, probed=True)
    return found


def duration(seconds: float | None) -> str:
    """`12 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`; `?` for None."""
    if seconds is None:
        return '?'
    if seconds < 10:
        return f'{seconds:.1f} s'
    whole = round(seconds)
    for size, word, small, small_word in ((86400, 'd', 3600, 'h'), (3600, 'h', 60, 'min'), (60, 'min', 1, 's')):
        if whole >= size:
            rest = whole % size // small
            return f'{whole // size} {word}' + (f' {rest} {small_word}' if rest else '')
    return f'{whole} s'

"""Runs the nodes of a graph through an executor until all are done or cannot be.

The driver keeps nothing that matters: killed and started again, it reads the folders, leaves running nodes alone until
they end, and goes on. What a node left is judged by its folder, never by what an executor says of a job.
"""

import heapq
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark.executors import Executor, Job, Refused
from benchmark.nodes import Graph, Node, State, last_words, note_submission, state
from pretrain.occupancy import BEAT_SECONDS, STALE_SECONDS, occupy

POLL_SECONDS = 0.1
RETRIES = 2


@dataclass
class Outcome:
    """How a graph ended; keys of nodes.

    Attributes:
        done: done now or before.
        failed: with the last line of the log.
        blocked: needed something that failed.
        interrupted: whether a signal stopped the driver.
    """

    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    interrupted: bool = False

    def update(self, later: 'Outcome') -> None:
        """Take over how nodes ended in a later run."""
        self.blocked -= later.done | later.failed.keys()
        self.done |= later.done
        self.failed |= later.failed
        self.interrupted = later.interrupted


Event = Callable[[str, Node, State], None]
"""Called with 'done', 'started', 'adopted', 'retry', 'requeued', 'failed' or 'blocked', the node, and its state."""


class Driver:
    """Runs a graph.

    Args:
        retries: how often a node that failed or vanished is tried again; preemptions do not count.
        event: is told what happens.
    """

    def __init__(self, graph: Graph, executor: Executor, retries: int = RETRIES, event: Event | None = None):
        self.graph, self.executor, self.retries = graph, executor, retries
        self.event: Event = event or (lambda word, node, found: None)
        self.outcome = Outcome()
        self.jobs: dict[str, Job | None] = {}
        """Nodes that wait or run; None for one that runs and that the executor cannot reach."""
        self.waits = {node.key: len(set(node.needs)) for node in graph}
        """For each open node how many of its needs are not done."""
        self.children: dict[str, list[str]] = {node.key: [] for node in graph}
        self.order = {node.key: i for i, node in enumerate(graph)}
        self.ready: list[tuple[int, str]] = []
        self.before: dict[str, int] = {}
        """Bad attempts of each node when this driver first saw it: those of earlier drivers."""
        self.mute: dict[str, int] = {}
        """How often the worker of a node ended before it left a trace."""
        self.next_look: dict[str, float] = {}
        self.silent: dict[str, float] = {}
        """Since when nobody holds the node of a job that lives."""
        self.stop = threading.Event()
        for node in graph:
            for need in set(node.needs):
                self.children[need].append(node.key)

    def run(self) -> Outcome:
        """Run until nothing is left to run. UserError when another driver holds the same folder."""
        if not len(self.graph):
            return self.outcome
        out = next(iter(self.graph)).out
        try:
            with occupy(out), _on_signals(self.stop.set):
                self.graph.write()
                for node in [node for node in self.graph if not self.waits[node.key]]:  # placing may free others
                    self._place(node, first=True)
                while (self.ready or self.jobs) and not self.stop.is_set():
                    self._fill()
                    self._poll()
                    self.stop.wait(POLL_SECONDS)
                if self.stop.is_set():
                    self._cancel()
        finally:
            self.executor.close()
        return self.outcome

    def _place(self, node: Node, first: bool = False) -> None:
        """Decide from its folder what to do with a node whose needs are done.

        Args:
            first: this driver has not submitted it, but an earlier one may have.
        """
        found = state(node.folder, node.key)
        self.before.setdefault(node.key, found.bad)
        job = self.executor.adopt(node.folder) if first and found.word != 'done' else None
        if found.word == 'done':
            self._settle(node, found, first)
        elif found.word == 'running' or job is not None:
            self.jobs[node.key] = job
            self.event('adopted', node, found)
        elif self._hopeless(node, found):
            self._fail(node, found)
        else:
            heapq.heappush(self.ready, (self.order[node.key], node.key))

    def _hopeless(self, node: Node, found: State) -> bool:
        """Not where the command outlived its worker: the next one only commits what it made."""
        return found.hopeless(self.retries, self.before[node.key]) and not (found.lost and node.path().exists())

    def _fill(self) -> None:
        while self.ready and len(self.jobs) < self.executor.slots:
            node = self.graph.nodes[self.ready[0][1]]
            note_submission(node.folder)
            try:
                self.jobs[node.key] = self.executor.submit(node.folder)
            except Refused:
                break
            heapq.heappop(self.ready)
            self.event('started', node, State('running'))

    def _poll(self) -> None:
        for key, job in list(self.jobs.items()):
            node = self.graph.nodes[key]
            if job is not None and job.alive() and not self._dead(node, job):
                continue
            found = state(node.folder, key)
            if found.word == 'running':  # its command outlived the job, or the executor cannot reach it
                self.jobs[key] = None
                continue
            del self.jobs[key]
            if not found.begun and found.word != 'done':  # the worker ended before it said anything
                self.mute[key] = self.mute.get(key, 0) + 1
                if self.mute[key] > self.retries:
                    self._fail(node, found)
                    continue
            elif found.word != 'done' and not self._hopeless(node, found):
                self.event('requeued' if found.word == 'waiting' else 'retry', node, found)
            self._place(node)

    def _dead(self, node: Node, job: Job) -> bool:
        """Whether a job that its executor takes for alive began the node and gave no sign of life for long.

        One that waits in a queue has not begun, whatever became of earlier jobs.
        """
        now = time.monotonic()
        if now < self.next_look.get(node.key, 0.0):
            return False
        self.next_look[node.key] = now + BEAT_SECONDS
        found = state(node.folder, node.key)
        if found.word != 'failed' or not found.begun:
            self.silent.pop(node.key, None)
            return False
        if now - self.silent.setdefault(node.key, now) < STALE_SECONDS:
            return False
        del self.silent[node.key]
        job.cancel()
        job.cancel()
        return True

    def _settle(self, node: Node, found: State, first: bool = False) -> None:
        self.outcome.done.add(node.key)
        self.event('done', node, found)
        for key in self.children[node.key]:
            self.waits[key] -= 1
            if not self.waits[key]:
                self._place(self.graph.nodes[key], first)

    def _fail(self, node: Node, found: State) -> None:
        self.outcome.failed[node.key] = last_words(node.folder) or 'it ended without a word'
        self.event('failed', node, found)
        self._block(node)

    def _block(self, node: Node) -> None:
        for key in self.children[node.key]:
            if key not in self.outcome.blocked:
                self.outcome.blocked.add(key)
                self.event('blocked', self.graph.nodes[key], State('new'))
                self._block(self.graph.nodes[key])

    def _cancel(self) -> None:
        """Ask all running nodes to save, and wait for them; a second signal ends them."""
        self.outcome.interrupted = True
        self.stop.clear()
        jobs = [job for job in self.jobs.values() if job is not None]
        for job in jobs:
            job.cancel()
        while any(job.alive() for job in jobs):
            if self.stop.is_set():
                for job in jobs:
                    job.cancel()
                break
            time.sleep(POLL_SECONDS)


class _on_signals:
    """Within the block SIGINT, SIGTERM and SIGUSR1 call a function, where this is the main thread."""

    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self, call: Callable[[], None]):
        self.call = call

    def __enter__(self) -> None:
        self.old = {}
        if threading.current_thread() is threading.main_thread():
            for number in self.NUMBERS:
                self.old[number] = signal.signal(number, lambda *_: self.call())

    def __exit__(self, *_) -> None:
        for number, handler in self.old.items():
            signal.signal(number, handler)

"""Shows a running graph: a live table on a terminal, plain lines elsewhere."""

import sys
import time

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from benchmark.cost import duration
from benchmark.nodes import Graph, Node, State, last_words


def reason(node: Node, found: State) -> str:
    """Why an attempt ended: what its command said last, unless it vanished in the middle of its work."""
    if found.code is None:
        return f'it vanished: killed, out of memory, or its machine is gone; its last words: {last_words(node.folder)}'
    return last_words(node.folder)


class Progress:
    """Told by the driver what happens; a context manager.

    Args:
        seconds: predicted cost by class, for the ETA.
    """

    def __init__(self, graph: Graph, seconds: dict[str, float | None]):
        self.graph, self.seconds = graph, seconds
        self.start = time.perf_counter()
        self.here = 0.0
        """Predicted seconds of what was finished here."""
        self.finished: set[str] = set()
        self.running: dict[str, float] = {}
        self.live = sys.stdout.isatty()
        self.view: Live | None = None

    def __enter__(self) -> 'Progress':
        if self.live:
            self.view = Live(get_renderable=self._table, refresh_per_second=2)
            self.view.start()
        return self

    def __exit__(self, *_) -> None:
        if self.view is not None:
            self.view.stop()

    def event(self, word: str, node: Node, found: State) -> None:
        """As `driver.Event`."""
        if word in ('started', 'adopted'):
            self.running[node.key] = time.perf_counter()
        else:
            began = self.running.pop(node.key, None)
            if word == 'done':
                self.finished.add(node.key)
                if began is None:
                    return  # done before
                if self.seconds.get(node.cost_class) is None:
                    self.seconds[node.cost_class] = found.seconds  # the first of its class predicts the others
                self.here += self.seconds[node.cost_class] or 0.0
        if not self.live:
            self._line(word, node, found)

    def _line(self, word: str, node: Node, found: State) -> None:
        took = f' in {duration(found.seconds)}' if word == 'done' and found.seconds is not None else ''
        why = f': {reason(node, found)}' if word in ('failed', 'retry') else ''
        print(f'{len(self.finished)}/{len(self.graph)} {word:<8} {node.title}{took}{why}  eta {self.eta()}', flush=True)

    def eta(self) -> str:
        """Time left: what the open nodes are expected to take, at the speed of the finished ones so far."""
        expected = [self.seconds.get(node.cost_class) for node in self.graph if node.key not in self.finished]
        known = [cost for cost in expected if cost is not None]
        if not expected:
            return '0 s'
        if not known:
            return '?'
        each = sum(known) / len(known)
        # Predicted seconds per second; one node at the predicted speed is taken for granted, for the first tell little.
        speed = (self.here + each) / (time.perf_counter() - self.start + each)
        return duration(each * len(expected) / speed)

    def _table(self) -> Table:
        table = Table(
            title=f'{len(self.finished)} of {len(self.graph)} nodes done, eta {self.eta()}', title_justify='left'
        )
        for name in ('node', 'since', 'of about', 'last line'):
            table.add_column(name, overflow='ellipsis', no_wrap=True)
        for key, began in list(self.running.items()):
            node = self.graph.nodes[key]
            expected = duration(self.seconds.get(node.cost_class))
            words = escape(last_words(node.folder)[-100:])  # [rank0] is no style
            table.add_row(escape(node.title), duration(time.perf_counter() - began), expected, words)
        return table

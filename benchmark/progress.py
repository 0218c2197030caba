"""Shows a running graph: a live table on a terminal, plain lines elsewhere."""

import sys
import time

from rich.live import Live
from rich.table import Table

from benchmark.cost import duration
from benchmark.nodes import Graph, Node, State, last_words


class Progress:
    """Told by the driver what happens; a context manager.

    Args:
        seconds: predicted cost by class, for the ETA.
    """

    def __init__(self, graph: Graph, seconds: dict[str, float | None]):
        self.graph, self.seconds = graph, seconds
        self.start = time.perf_counter()
        self.done = self.before = 0
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
                self.done += 1
                self.before += began is None
                if began is None:
                    return  # done before
        if not self.live:
            self._line(word, node, found)

    def _line(self, word: str, node: Node, found: State) -> None:
        took = f' in {duration(found.seconds)}' if word == 'done' and found.seconds is not None else ''
        why = f': {last_words(node.folder)}' if word in ('failed', 'retry') else ''
        print(f'{self.done}/{len(self.graph)} {word:<8} {node.title}{took}{why}  eta {self.eta()}', flush=True)

    def eta(self) -> str:
        """Time left at the rate so far."""
        here = self.done - self.before
        if not here:
            return '?'
        rate = (time.perf_counter() - self.start) / here
        return duration(rate * (len(self.graph) - self.done))

    def _table(self) -> Table:
        table = Table(title=f'{self.done} of {len(self.graph)} nodes done, eta {self.eta()}', title_justify='left')
        for name in ('node', 'since', 'of about', 'last line'):
            table.add_column(name, overflow='ellipsis', no_wrap=True)
        for key, began in list(self.running.items()):
            node = self.graph.nodes[key]
            expected = duration(self.seconds.get(node.cost_class))
            table.add_row(node.title, duration(time.perf_counter() - began), expected, last_words(node.folder)[-100:])
        return table

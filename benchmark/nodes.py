"""A node: one command of mimbench in one folder, and what that folder tells about it.

Read `Node` and `state` first. The folder is the only truth: `node.json` says what is to be done, `attempts.jsonl` what
was tried, `done.json` (written last, atomically) that it is done, and a lock that it is being done.
"""

import errno
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pretrain.errors import UserError
from pretrain.files import atomic, json_hash, sha256
from pretrain.occupancy import Holder, holder

NODE, DONE, ATTEMPTS, LOG = 'node.json', 'done.json', 'attempts.jsonl', 'log.txt'
STUDY = 'study'
EDITION = 'edition'
NOT_VARIED = (STUDY, EDITION, 'seed', 'entry', 'checkpoint', 'control')
"""Labels of a node that say where it stands in its study; all others say what is varied."""
MISTAKE, PREEMPTED = 2, 75
"""Exit codes of mimbench: what the user must mend is not tried again; a preempted run is, without limit."""


@dataclass(frozen=True)
class Node:
    """One command, and the folder that it fills.

    Args:
        kind: 'pretrain' or 'transfer'.
        title: for people; the folder's name begins with it, and keeps the one that it was given first.
        identity: plain values that decide what comes out, keys of other nodes among them; nodes of equal identity are
            one node.
        words: of the command after `mimbench`; `--work-dir` is added.
        product: the file in the folder that the command writes last.
        needs: keys of the nodes whose products it reads.
        out: the folder that holds the folders of all nodes.
        processes: how many torchrun starts; 1 for none.
        labels: what the node is in its study, for tables: {'mask ratio': 0.5, 'seed': 0}.
        cost_class: nodes of one class take about as long.
    """

    kind: str
    title: str
    identity: Any
    words: tuple[str, ...]
    product: str
    out: Path
    needs: tuple[str, ...] = ()
    processes: int = 1
    labels: dict[str, Any] = field(default_factory=dict)
    cost_class: str = ''
    key: str = field(init=False)
    folder: Path = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, 'key', json_hash([self.kind, self.identity, self.product])[:16])
        name = f'{self.title}-{self.key[:8]}'
        found = _folders(self.out).get(self.key[:8], [])
        if name not in found:
            name = next((n for n in found if read_json(self.out / n / NODE).get('key') == self.key), name)
        object.__setattr__(self, 'folder', self.out / name)

    def path(self, product: str | None = None) -> Path:
        """The product, or another file that the command writes."""
        return self.folder / (product or self.product)

    def write(self) -> None:
        """Write `node.json`. Of a node that is done or runs only the labels change, with an edit of its study.

        Raises UserError where the folder belongs to another node.
        """
        path = self.folder / NODE
        facts = {name: value for name, value in asdict(self).items() if name not in ('out', 'folder')}
        if known := read_json(path):
            if known.get('key') != self.key:
                raise UserError(f'{self.folder} belongs to node {known.get("key")}, not to {self.key}; move it away')
            facts = json.loads(json.dumps(facts, default=str))
            if known != facts and (is_done(self.folder, self.key) or holder(self.folder) is not None):
                same = known.get('labels', {}).get(STUDY) == self.labels.get(STUDY)
                facts = {**known, 'labels': facts['labels']} if same else known
            if known == facts:
                return
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic(path, durable=False) as temporary:  # ten thousand waits for the disk are minutes
            temporary.write_text(json.dumps(facts, indent=1, default=str) + '\n')


def other_study(node: Node) -> str | None:
    """The study whose labels a finished node keeps, where a plan of another study has it too."""
    theirs = read_json(node.folder / NODE).get('labels', {}).get(STUDY)
    mine = node.labels.get(STUDY)
    return theirs if theirs and mine and theirs != mine and is_done(node.folder, node.key) else None


def _folders(out: Path) -> dict[str, list[str]]:
    """Names of folders by the beginning of the key that they end with."""
    try:
        changed = out.stat().st_mtime_ns
    except OSError:
        return {}
    return _listed(out, changed)


@lru_cache(maxsize=4)
def _listed(out: Path, changed: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(os.listdir(out)):
        found.setdefault(name.rpartition('-')[2], []).append(name)
    return found


@dataclass(frozen=True)
class State:
    """What the folder of a node tells.

    Attributes:
        word: 'done', 'running', 'failed', 'waiting' or 'new' (never tried).
        failures: attempts that ended badly; preemptions and attempts that vanished are not among them.
        lost: attempts that began and never ended, their process gone.
        begun: whether one began since the node was last submitted.
        code: exit code of the last attempt; None where it has not ended, or vanished.
        seconds: that the finished attempt took.
    """

    word: str
    failures: int = 0
    lost: int = 0
    begun: bool = False
    code: int | None = None
    seconds: float | None = None
    holder: Holder | None = None

    @property
    def bad(self) -> int:
        """Attempts that failed or vanished."""
        return self.failures + self.lost

    def hopeless(self, retries: int, before: int = 0) -> bool:
        """Whether trying again is of no use: a mistake of the user, or more than `retries` bad attempts.

        Args:
            before: bad attempts that do not count: whoever starts a driver again has perhaps mended the cause.
        """
        tried = self.bad - before
        return self.word == 'failed' and tried > 0 and (self.code == MISTAKE or tried > retries)


def state(folder: Path, key: str) -> State:
    """Read a node's folder."""
    if is_done(folder, key):
        return State('done', seconds=read_json(folder / DONE).get('wall_seconds'))
    attempts = read_lines(folder / ATTEMPTS)
    ends = [line for line in attempts if 'code' in line]
    failures = sum(line['code'] not in (0, PREEMPTED) for line in ends)
    begins = [i for i, line in enumerate(attempts) if 'host' in line]
    after = attempts[begins[-1] :] if begins else attempts
    begun = bool(begins) and not any('submitted' in line for line in after)
    code = next((line['code'] for line in reversed(after) if 'code' in line), None)
    if (who := holder(folder)) is not None:
        return State('running', failures, max(0, len(begins) - len(ends) - 1), begun, code, holder=who)
    if is_done(folder, key):  # it ended between the two looks
        return State('done', seconds=read_json(folder / DONE).get('wall_seconds'))
    if not begins and not ends:
        return State('new')
    lost = len(begins) - len(ends)
    return State('waiting' if code in (0, PREEMPTED) and not lost else 'failed', failures, lost, begun, code)


def note_submission(folder: Path) -> None:
    """Write down that a worker will be asked for, once, however often the executor refuses it."""
    attempts = read_lines(folder / ATTEMPTS)
    if not attempts or 'submitted' not in attempts[-1]:
        note(folder, submitted=time.time())


def note(folder: Path, **facts: Any) -> None:
    """Add a line to a node's attempts."""
    with open(folder / ATTEMPTS, 'a') as file:
        file.write('\n' + json.dumps(facts) + '\n')  # the line before may be torn


def is_done(folder: Path, key: str) -> bool:
    """Whether the node was run to its end, and what it made is there and unchanged."""
    done = read_json(folder / DONE)
    if done.get('key') != key:
        return False
    product = folder / str(done.get('product'))
    try:  # of a file as old as when it was committed nobody needs the hash, which takes seconds for a large encoder
        return _written(product) == done.get('written') or sha256(product) == done.get('sha256')
    except OSError:
        return False


def _written(product: Path) -> list[int]:
    """Size, and time of the last change."""
    status = product.stat()
    return [status.st_size, status.st_mtime_ns]


def commit(folder: Path, node: dict[str, Any], digest: str, seconds: float) -> None:
    """Write the marker that a node is done.

    Args:
        node: the content of `node.json`.
        digest: sha256 of the product.
    """
    finished = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    facts = {
        'key': node['key'],
        'product': node['product'],
        'sha256': digest,
        'written': _written(folder / node['product']),
        'wall_seconds': seconds,
        'finished': finished,
    }
    with atomic(folder / DONE) as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + '\n')


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty when there is none, or it is torn."""
    try:
        found = json.loads(_text(path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Objects of a JSON-lines file; a torn line is left out."""
    found = []
    for line in _text(path).splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _text(path: Path) -> str:
    """Content of a file; empty when there is none, or it cannot be read.

    Of a file that another machine replaced just now, NFS says once that it is stale.
    """
    for _ in range(2):
        try:
            return path.read_text(errors='replace')
        except OSError as error:
            if error.errno != errno.ESTALE:
                break
    return ''


def last_words(folder: Path) -> str:
    """The last line of a node's log that says something, without the time and the name of the logger."""
    try:
        with open(folder / LOG, 'rb') as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            lines = log.read().decode(errors='replace').splitlines()
    except FileNotFoundError:
        return ''
    said = [line.strip() for line in lines if line.strip()]
    return said[-1].rpartition(' - INFO - ')[2] if said else ''


class Graph:
    """Nodes in an order in which every node comes after those it needs.

    Raises UserError for a node that needs one which is not there.
    """

    def __init__(self, nodes: Iterable[Node]):
        self.nodes: dict[str, Node] = {}
        for node in nodes:
            missing = [key for key in node.needs if key not in self.nodes]
            if missing:
                raise UserError(f'{node.title} needs {", ".join(missing)}, which is not planned before it')
            self.nodes.setdefault(node.key, node)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self):
        return iter(self.nodes.values())

    def write(self) -> None:
        for node in self:
            node.write()

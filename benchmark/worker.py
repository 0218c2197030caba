"""Runs one node: `python -m benchmark.worker FOLDER`. Started by an executor, on this machine or another.

It holds the folder's lock, and so does the command it starts: when this process is killed and the command lives on,
nobody begins the node a second time, and when the command is done the next worker only commits what it left. What
was changed since it was committed is set aside, and the node run again.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmark.command import environment, mimbench
from benchmark.cost import remember
from benchmark.nodes import ATTEMPTS, DONE, LOG, NODE, PREEMPTED, commit, is_done, note, read_json, read_lines
from pretrain.errors import UserError
from pretrain.files import sha256
from pretrain.occupancy import occupy

SLOT = 'MIMBENCH_SLOT'
"""Environment variable: the slot of the local executor; it is noted, so that the next driver leaves it alone."""
BUSY = 3
"""Exit code where another process holds the node."""


class Stop:
    """SIGTERM, SIGINT and SIGUSR1 of this process, handed on to the command as SIGTERM.

    Attributes:
        asked: whether one came; before there is a command, none is begun.
    """

    def __init__(self) -> None:
        self.asked = False
        self.process: subprocess.Popen | None = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, self._ask)

    def _ask(self, *_) -> None:
        self.asked = True
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def watch(self, process: subprocess.Popen) -> int:
        """The exit code of the command; 75 where it was asked to end before it could answer by that code itself."""
        self.process = process
        if self.asked:
            process.send_signal(signal.SIGTERM)
        code = process.wait()
        self.process = None
        return PREEMPTED if self.asked and code < 0 else code


def main(folder: Path) -> int:
    """Run the node of a folder, unless it is done; the exit code of its command."""
    stop = Stop()
    node = read_json(folder / NODE)
    if not node:
        print(f'{folder}: no {NODE}; start nodes by mimbench benchmark or ablate', file=sys.stderr)
        return 2
    try:
        with occupy(folder) as handle:
            if is_done(folder, node['key']):
                return 0
            product = folder / node['product']
            if read_json(folder / DONE).get('key') == node['key'] and product.exists():
                product.replace(product.with_name(f'changed-{product.name}'))  # not what the marker was written for
                (folder / DONE).unlink()  # else what is made now would be set aside too, if this worker is killed
            if not product.exists():
                code = attempt(folder, node, handle, stop)
                if code:
                    return code
            seconds, whole = spent(read_lines(folder / ATTEMPTS), product.stat().st_mtime)
            commit(folder, node, sha256(product), seconds)
            if whole:
                remember(node.get('cost_class', ''), seconds)
            return 0
    except UserError as error:
        print(error, file=sys.stderr)
        return BUSY


def attempt(folder: Path, node: dict, handle: int, stop: Stop) -> int:
    """Run the command once, with its output appended to the log; its exit code, 75 where a signal asked it to stop."""
    if stop.asked:
        return PREEMPTED
    command = [*mimbench(node.get('processes', 1)), *node['words'], '--work-dir', str(folder)]
    slot = int(os.environ.get(SLOT, 0))
    note(folder, host=socket.gethostname(), pid=os.getpid(), slot=slot, started=time.time())
    with open(folder / LOG, 'ab') as log:
        log.write(f'\n$ {" ".join(command)}\n'.encode(errors='backslashreplace'))
        log.flush()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(folder), pass_fds=[handle]
        )
        code = stop.watch(process)
        if code == 0 and not (folder / node['product']).exists():
            log.write(f'the command ended with 0, but {node["product"]} is not there\n'.encode())
            code = 1
    note(folder, code=code, ended=time.time())
    return code


def spent(attempts: list[dict[str, Any]], end: float) -> tuple[float, bool]:
    """Seconds of work in a product, and whether that is all: preempted attempts saved what they did.

    Args:
        attempts: lines of the node's file.
        end: time at which the last attempt wrote the product.
    """
    total, whole, started = 0.0, True, None
    for line in attempts:
        if 'started' in line:
            whole = whole and started is None  # else the one before vanished, after nobody knows how long
            started = line['started']
        elif line.get('code') == PREEMPTED and started is not None:
            total, started = total + line['ended'] - started, None
        elif line.get('code'):
            whole, started = False, None
    return total + (0.0 if started is None else max(0.0, end - started)), whole


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))

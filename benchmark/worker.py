"""Runs one node: `python -m benchmark.worker FOLDER`. Started by an executor, on this machine or another.

It holds the folder's lock, and so does the command it starts: when this process is killed and the command lives on,
nobody begins the node a second time, and when the command is done the next worker only commits what it left.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmark.nodes import ATTEMPTS, LOG, NODE, commit, is_done, read_json
from pretrain.errors import UserError
from pretrain.files import sha256
from pretrain.occupancy import OCCUPIED, occupy

ROOT = Path(__file__).resolve().parents[1]
COMMAND = 'MIMBENCH_COMMAND'
"""Environment variable: what stands for `mimbench`, such as `apptainer exec image.sif mimbench`."""
BUSY = 3
"""Exit code where another process holds the node."""


def main(folder: Path) -> int:
    """Run the node of a folder, unless it is done; the exit code of its command."""
    node = read_json(folder / NODE)
    if not node:
        print(f'{folder}: no {NODE}; start nodes by mimbench benchmark or ablate', file=sys.stderr)
        return 2
    try:
        with occupy(folder) as handle:
            if is_done(folder, node['key']):
                return 0
            product = folder / node['product']
            start = time.time()
            if not product.exists():
                code = attempt(folder, node, handle)
                if code:
                    return code
            commit(folder, node, sha256(product), time.time() - start)
            return 0
    except UserError as error:
        print(error, file=sys.stderr)
        return BUSY


def attempt(folder: Path, node: dict, handle: int) -> int:
    """Run the command once, with its output appended to the log; its exit code, 75 where a signal asked it to stop."""
    command = [*_mimbench(node.get('processes', 1)), *node['words'], '--work-dir', str(folder)]
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.getenv('PYTHONPATH')]))
    environment = {**os.environ, OCCUPIED: str(folder.resolve()), 'PYTHONPATH': python_path}
    _note(folder, host=socket.gethostname(), pid=os.getpid(), started=time.time())
    with open(folder / LOG, 'ab') as log:
        log.write(f'\n$ {" ".join(command)}\n'.encode())
        log.flush()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, pass_fds=[handle]
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, lambda *_: process.send_signal(signal.SIGTERM))
        code = process.wait()
        if code == 0 and not (folder / node['product']).exists():
            log.write(f'the command ended with 0, but {node["product"]} is not there\n'.encode())
            code = 1
    _note(folder, code=code, ended=time.time())
    return code


def _mimbench(processes: int) -> list[str]:
    """The words that stand for `mimbench`: a process of its own, so no import points outward."""
    if COMMAND in os.environ:
        return shlex.split(os.environ[COMMAND])
    if processes == 1:
        return [sys.executable, '-m', 'tools.main']
    launcher = ['-m', 'tools.processes', '--standalone', '--nproc-per-node', str(processes)]
    return [sys.executable, *launcher, '-m', 'tools.main']


def _note(folder: Path, **facts) -> None:
    with open(folder / ATTEMPTS, 'a') as file:
        file.write('\n' + json.dumps(facts) + '\n')  # the line before may be torn


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))

"""Who works in a run directory: a lock that ends with its holder, and a heartbeat that other machines can read.

The lock is the kernel's (`flock`), so a killed process leaves none behind, and the processes it started hold it on
until the last has ended. File systems that do not share locks between machines, or have none, are covered by the
heartbeat.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pretrain.errors import UserError
from pretrain.files import atomic

LOCK, HEARTBEAT = 'lock', 'heartbeat.json'
BEAT_SECONDS = 5.0
LINGER_SECONDS = 12.0
"""A killed run's loader processes notice its death, and give up the lock, within about five seconds."""
STALE_SECONDS = 60.0
"""A heartbeat older than this, on a machine whose locks cannot be seen, is that of a dead process."""
OCCUPIED = 'MIMBENCH_OCCUPIED'
"""Environment variable: the directory that a parent of this process holds, and whose lock it has handed down."""


@dataclass(frozen=True)
class Holder:
    """Who holds a directory. `age` is seconds since the last sign of life, None before the first."""

    host: str
    pid: int
    command: str
    started: float
    age: float | None

    def __str__(self) -> str:
        seen = 'starting' if self.age is None else f'last seen {self.age:.0f} s ago'
        return f'process {self.pid} on {self.host} ({self.command}; {seen})'


@contextlib.contextmanager
def occupy(folder: str | os.PathLike, wait: float = 0.0) -> Iterator[int]:
    """Hold a directory, which is made if need be, for the block, with a heartbeat; the file descriptor of the lock.

    A process whose parent holds the directory passes through and keeps its heartbeat, for the parent may be killed
    before it; every process of a launcher but the first passes through.

    Args:
        wait: seconds to wait for a holder to end.

    Raises UserError where another process holds it.
    """
    folder = Path(folder)
    rank = os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0'))
    if rank != '0':
        yield -1
        return
    if os.environ.get(OCCUPIED) == str(folder.resolve()):
        with _beating(folder / HEARTBEAT):
            yield -1
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        end = time.monotonic() + max(wait, 0.5)  # a look by `holder` takes the lock for a moment
        while (taken := _lock(handle, fcntl.LOCK_EX)) is False or _beaten(folder, here=taken is None):
            if time.monotonic() > end:
                raise UserError(f'{folder} is in use by {holder(folder) or "another process"}; wait, or end that first')
            time.sleep(0.1)
        _sign(folder / HEARTBEAT)
        try:
            with _beating(folder / HEARTBEAT):
                yield handle
        finally:
            (folder / HEARTBEAT).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)  # forked workers of a loader may live on with the descriptor
    finally:
        os.close(handle)


def holder(folder: str | os.PathLike) -> Holder | None:
    """Who holds a directory now; None for nobody."""
    folder = Path(folder)
    try:
        handle = _open_to_look(folder / LOCK)
    except FileNotFoundError:
        return None
    try:
        free = _lock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)
    if free is False:
        return _read(folder / HEARTBEAT) or Holder('?', 0, '?', time.time(), None)
    return _beaten(folder, here=free is None)


def _open_to_look(path: Path) -> int:
    """A descriptor of a lock; only for reading where it belongs to somebody else, or its file system is read-only.

    A shared lock needs no more. FileNotFoundError where there is no lock.
    """
    try:
        return os.open(path, os.O_RDWR)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return os.open(path, os.O_RDONLY)


def _lock(handle: int, kind: int) -> bool | None:
    """Whether the lock could be taken; None where the file system has none, as Lustre without its option."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        return None


def _beaten(folder: Path, here: bool) -> Holder | None:
    """A holder on another machine, whose lock may be invisible here, that gave a sign of life lately.

    Args:
        here: look for one on this machine, too.
    """
    found = _read(folder / HEARTBEAT)
    if found is None or (found.host == socket.gethostname() and not here) or (found.age or 0.0) > STALE_SECONDS:
        return None
    return found


def _read(path: Path) -> Holder | None:
    try:
        facts = json.loads(path.read_text())
        return Holder(age=max(0.0, time.time() - path.stat().st_mtime), **facts)
    except (OSError, ValueError, TypeError):  # NFS calls a file stale that was replaced just now
        return None


def _sign(path: Path) -> None:
    """Write who this is, whole or not at all: another machine that finds half a name would find nobody."""
    command = ' '.join(Path(word).name for word in sys.argv[:2])
    facts = asdict(Holder(socket.gethostname(), os.getpid(), command, time.time(), None))
    del facts['age']
    with atomic(path, durable=False) as temporary:
        temporary.write_text(json.dumps(facts))


@contextlib.contextmanager
def _beating(path: Path) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # a full disk or a lost mount must not end the run
                os.utime(path)

    thread = threading.Thread(target=beat, name='heartbeat', daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

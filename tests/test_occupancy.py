"""The heartbeat of a directory that a parent of this process holds."""

import errno
import os
import time
from pathlib import Path

import pytest

from pretrain import occupancy
from pretrain.errors import UserError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize('rank', ['0', '1'])
def test_a_command_keeps_the_heartbeat_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str
) -> None:
    """The parent may be killed before it, and where the lock cannot be seen the heartbeat is all there is."""
    monkeypatch.setattr(occupancy, 'BEAT_SECONDS', 0.02)
    monkeypatch.setenv(occupancy.OCCUPIED, str(tmp_path.resolve()))
    monkeypatch.setenv('RANK', rank)
    beat = tmp_path / occupancy.HEARTBEAT
    beat.write_text('{}')
    os.utime(beat, (1, 1))
    with occupancy.occupy(tmp_path):
        deadline = time.time() + (10 if rank == '0' else 0.3)
        while beat.stat().st_mtime == 1 and time.time() < deadline:
            time.sleep(0.02)
    assert (beat.stat().st_mtime > 1) == (rank == '0') and beat.read_text() == '{}'


def test_what_ended_is_free_though_a_forked_process_lives_on(tmp_path: Path) -> None:
    """A loader's workers keep the descriptor, and end some seconds after the run."""
    import multiprocessing

    with occupancy.occupy(tmp_path):
        child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(30,))
        child.start()
        assert occupancy.holder(tmp_path) is not None
    try:
        assert occupancy.holder(tmp_path) is None
        with occupancy.occupy(tmp_path):
            pass
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize('number', [errno.EACCES, errno.EROFS])
def test_a_lock_that_may_only_be_read_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As in the folder of somebody else, or on a read-only mount."""
    really = os.open

    def only_for_reading(path, flags, *rest):
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(number, os.strerror(number), str(path))
        return really(path, flags, *rest)

    with occupancy.occupy(tmp_path):
        monkeypatch.setattr(os, 'open', only_for_reading)
        found = occupancy.holder(tmp_path)
        monkeypatch.undo()
    assert found is not None and found.pid == os.getpid()
    monkeypatch.setattr(os, 'open', only_for_reading)
    assert occupancy.holder(tmp_path) is None and occupancy.holder(tmp_path / 'nowhere') is None


def test_without_locks_the_heartbeat_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Lustre without its option; there a killed process is missed only when its heartbeat is old."""

    def none(*_) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(occupancy.fcntl, 'flock', none)
    with occupancy.occupy(tmp_path):
        found = occupancy.holder(tmp_path)
        assert found is not None and found.pid == os.getpid()
        with pytest.raises(UserError, match='is in use by process'), occupancy.occupy(tmp_path):
            pass
    assert occupancy.holder(tmp_path) is None
    monkeypatch.setattr(occupancy.fcntl, 'flock', lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, 'broken')))
    with pytest.raises(OSError, match='broken'):
        occupancy.holder(tmp_path)

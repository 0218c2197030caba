"""A SLURM of one machine in a temporary folder: munged, slurmctld and slurmd on free ports, without systemd or root.

Without cgroups and accounting, as measured for Debian's packages: the state of a job is what `squeue` says.
"""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

DAEMONS = ('munged', 'slurmctld', 'slurmd')
PLACES = os.pathsep.join([os.environ.get('PATH', ''), '/usr/sbin', '/sbin'])

CONF = """
ClusterName=mimbench
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerParameters=sched_interval=1,sched_min_interval=1000,batch_sched_delay=0
KillWait=5
MinJobAge=10
GresTypes=gpu
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
NodeName=localhost NodeAddr=127.0.0.1 CPUs=4 Gres=gpu:2 State=UNKNOWN
"""


def missing() -> str:
    """Why no cluster can be started here; empty when one can."""
    absent = [name for name in (*DAEMONS, 'sbatch', 'squeue', 'scancel') if shutil.which(name, path=PLACES) is None]
    return f'{", ".join(absent)} not found; Debian has them in slurm-wlm and munge' if absent else ''


@contextlib.contextmanager
def slurm() -> Iterator[Path]:
    """Run a cluster for the block; its slurm.conf, which SLURM_CONF must name."""
    with tempfile.TemporaryDirectory(prefix='slurm-') as place:  # a socket's path has at most 108 characters
        Path(place).chmod(0o755)
        yield from _run(Path(place))


def _run(folder: Path) -> Iterator[Path]:
    for name in ('state', 'spool'):
        (folder / name).mkdir()
    (folder / 'munge.key').write_bytes(os.urandom(128))
    (folder / 'munge.key').chmod(0o600)
    controller, daemon = _free_ports(2)
    conf = folder / 'slurm.conf'
    conf.write_text(CONF.format(folder=folder, user=getpass.getuser(), controller=controller, daemon=daemon))
    devices = ('/dev/null', '/dev/zero')  # any two: without cgroups nothing but CUDA_VISIBLE_DEVICES comes of them
    (folder / 'gres.conf').write_text(''.join(f'NodeName=localhost Name=gpu File={device}\n' for device in devices))
    munge = [f'--{name}-file={folder}/munge.{name}' for name in ('key', 'pid', 'log', 'seed')]
    munge[1:1] = ['--foreground', '--force', f'--socket={folder}/munge.socket']
    environment = {**os.environ, 'SLURM_CONF': str(conf), 'PATH': PLACES}
    started: list[subprocess.Popen] = []
    try:
        for words in (['munged', *munge], ['slurmctld', '-D', '-i'], ['slurmd', '-D', '-N', 'localhost']):
            with open(folder / f'{words[0]}.out', 'ab') as out:
                place = shutil.which(words[0], path=PLACES)
                started.append(
                    subprocess.Popen([place, *words[1:]], env=environment, stdout=out, stderr=out, cwd=folder)
                )
            if words[0] == 'munged':
                _wait(lambda: (folder / 'munge.socket').exists(), started, folder)
        ask = ['sinfo', '--noheader', '--format=%T']
        _wait(
            lambda: subprocess.run(ask, env=environment, capture_output=True, text=True).stdout.strip() == 'idle',
            started,
            folder,
        )
        yield conf
    finally:
        subprocess.run(['scancel', f'--user={getpass.getuser()}'], env=environment, capture_output=True)
        _end(started)


def _end(started: list[subprocess.Popen]) -> None:
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(met, started: list[subprocess.Popen], folder: Path, seconds: float = 30) -> None:
    deadline = time.time() + seconds
    while not met():
        if time.time() > deadline or any(process.poll() is not None for process in started):
            logs = '\n'.join(path.read_text(errors='replace')[-2000:] for path in sorted(folder.glob('*.out')))
            raise RuntimeError(f'SLURM did not start: {logs}')
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            listener = stack.enter_context(socket.socket())
            listener.bind(('127.0.0.1', 0))
            found.append(listener.getsockname()[1])
        return found

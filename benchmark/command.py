"""How a node starts mimbench: a process of its own, so no import of this package points outward."""

import os
import shlex
import sys
from pathlib import Path

from pretrain.errors import UserError
from pretrain.occupancy import OCCUPIED

ROOT = Path(__file__).resolve().parents[1]
COMMAND = 'MIMBENCH_COMMAND'
"""Environment variable: what stands for `mimbench`, such as `apptainer exec image.sif mimbench`.

Of several processes it says itself how they are started, with their number in the place of `{processes}`.
"""


def mimbench(processes: int) -> list[str]:
    """The words that stand for `mimbench`, with torchrun before them for several processes; 0 stands for no GPU.

    Raises UserError where $MIMBENCH_COMMAND cannot start several.
    """
    if COMMAND in os.environ:
        command = os.environ[COMMAND]
        if processes > 1 and '{processes}' not in command:
            start = 'torchrun --standalone --nproc-per-node {processes} -m tools.main'
            raise UserError(f'{COMMAND} starts one process, and {processes} are asked for; let it end in {start!r}')
        return shlex.split(command.replace('{processes}', str(processes)))
    if processes <= 1:
        return [sys.executable, '-m', 'tools.main']
    launcher = ['-m', 'tools.processes', '--standalone', '--nproc-per-node', str(processes)]
    return [sys.executable, *launcher, '-m', 'tools.main']


def environment(folder: Path | None = None) -> dict[str, str]:
    """Environment of a command, which finds this mimbench, and knows that its parent holds `folder`."""
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.getenv('PYTHONPATH')]))
    held = {OCCUPIED: str(folder.resolve())} if folder else {}
    return {**os.environ, **held, 'PYTHONPATH': python_path}

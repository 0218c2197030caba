"""torchrun with the signals and exit codes of `mimbench`; started by dist_train.sh, takes torchrun's arguments.

torchrun answers 1 whatever its processes returned, so a scheduler could not tell a preempted run (75) or a mistake of
the user (2) from a failure, and SIGUSR1 ends it at once while its processes run on without it.
"""

import logging
import os
import signal
import sys

from tools.main import FAILED, INTERRUPTED

PREEMPTED = 75
SECONDS_TO_SAVE = 110
"""What the processes get after a signal, within the two minutes that schedulers warn ahead; torchrun's own are 30."""


def main(words: list[str]) -> int:
    """Run the processes; the exit code is that of the first which failed, 75 after SIGTERM or SIGUSR1."""
    os.environ.setdefault('TORCH_ELASTIC_SHUTDOWN_TIMEOUT', str(SECONDS_TO_SAVE))
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # torchrun's own choice, without its warning
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    logging.disable(logging.ERROR)  # of torchrun alone: its processes say themselves what went wrong
    signal.signal(signal.SIGUSR1, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))
    try:
        run(parse_args(words))
    except SignalException as error:
        return INTERRUPTED if error.sigval == signal.SIGINT else PREEMPTED
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:
            name = signal.Signals(-failure.exitcode).name
            print(f'mimbench: process {rank} was ended by {name}; after SIGKILL look for full memory', file=sys.stderr)
            return FAILED
        return failure.exitcode
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

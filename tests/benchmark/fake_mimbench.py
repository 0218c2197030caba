"""Stands for mimbench in tests of graphs: writes a result of its words, or fails as it is told.

Words are KEY=VALUE, or paths of results that it adds to its own; then `--work-dir FOLDER`.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def stop(*_) -> None:
    """As mimbench does: exit code 75, whatever further signals come."""
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(75)


def main(words: list[str]) -> int:
    folder = Path(words[words.index('--work-dir') + 1])
    rest = words[: words.index('--work-dir')]
    told = dict(word.split('=', 1) for word in rest if '=' in word and not word.startswith('/'))
    if told.get('ignore') == 'SIGTERM':
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif 'ignore' not in told:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, stop)
    tries = folder / 'tries'
    count = int(tries.read_text() or 0) if tries.exists() else 0
    tries.write_text(str(count + 1))
    (folder / 'started').touch()
    if count < int(told.get('preempt-first', 0)):
        return 75
    if 'code' in told or count < int(told.get('fail-first', 0)):
        print('asked to fail')
        return int(told.get('code', 1))
    time.sleep(float(told.get('seconds', 0)) + (float(told.get('first-seconds', 0)) if count == 0 else 0))
    if told.get('leave') == 'nothing':
        return 0
    parents = [json.loads(Path(word).read_text())['sum'] for word in rest if word.startswith('/')]
    temporary = folder / f'.result.{os.getpid()}'
    result = {'sum': sum(parents) + int(told.get('value', 0))}
    result |= {'gpus': os.environ.get('CUDA_VISIBLE_DEVICES'), 'threads': os.environ.get('OMP_NUM_THREADS')}
    temporary.write_text(json.dumps(result))
    temporary.rename(folder / 'result.json')
    (folder / f'completed-{os.getpid()}-{time.time_ns()}').touch()
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

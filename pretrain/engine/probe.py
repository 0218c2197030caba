"""How long a training will take, from a few of its updates."""

import json
import time

from mmengine.hooks import Hook

from pretrain.files import atomic
from pretrain.registry import HOOKS

FILE = 'probe.json'
WARM_UP = 2
"""Updates that are not measured: they fill caches and start the loader's processes."""


@HOOKS.register_module()
class ProbeHook(Hook):
    """Measures the updates of the first `seconds`, writes `probe.json` into the run directory, and ends the process.

    The file has `updates` of the whole training and `seconds_per_update`.
    """

    def __init__(self, seconds: float = 5.0):
        self.seconds, self.begun = seconds, time.perf_counter()

    def after_update(self, runner, progress: float) -> None:
        now = time.perf_counter()
        if runner.iter <= WARM_UP:
            self.begun = now
        elif now - self.begun >= self.seconds or runner.iter == runner.max_iters:
            facts = {
                'updates': runner.max_iters,
                'seconds_per_update': (now - self.begun) / (runner.iter - WARM_UP),
            }
            with atomic(runner.folder / FILE) as temporary:
                temporary.write_text(json.dumps(facts))
            raise SystemExit(0)

"""Learning-rate schedules in closed form: the factor at an update depends on nothing but its number."""

import math

from pretrain.errors import ConfigError
from pretrain.registry import PARAM_SCHEDULERS


class Schedule:
    """Linear warm-up, then a decay.

    Args:
        total: updates of the whole training; the loop fills it in.
        per_epoch: updates per epoch; the loop fills it in.
        warmup: length of the warm-up, in epochs, or in updates if `by_epoch` is False.
        warmup_updates: the same in updates, whatever `by_epoch` says; give one of both.
        start: factor at update 0, relative to the peak learning rate.
        by_epoch: lengths and milestones are epochs.

    `schedule(update)` is the factor on the peak learning rate of every group, update counted from 0.
    """

    def __init__(
        self,
        total: int,
        per_epoch: int,
        warmup: float = 0,
        start: float = 0.0,
        by_epoch: bool = True,
        warmup_updates: int = 0,
    ):
        if warmup and warmup_updates:
            raise ConfigError('param_scheduler has warmup and warmup_updates; give one of both')
        self.total = total
        self.warmup = warmup_updates or (round(warmup * per_epoch) if by_epoch else int(warmup))
        self.by_epoch = by_epoch
        self.per_epoch = per_epoch
        self.start = start
        if self.warmup >= total:
            raise ConfigError(f'param_scheduler.warmup is {self.warmup} updates; training only lasts {total}')

    def __call__(self, update: int) -> float:
        if update < self.warmup:
            return self.start + (1 - self.start) * update / self.warmup
        return self.decay(update)

    def decay(self, update: int) -> float:
        raise NotImplementedError


@PARAM_SCHEDULERS.register_module()
class WarmupCosine(Schedule):
    """Half a cosine from 1 to `end`.

    Args:
        end: factor after the last update.
        rebase: True, the cosine starts where the warm-up ends (MAE, BEiT). False, it runs over the whole training and
            the warm-up replaces its beginning (SimMIM, timm's scheduler), so that the peak is never quite reached.
        length: epochs, or updates if `by_epoch` is False, that the half cosine takes, counted from the first update;
            None, the whole training. A longer one is cut off (Point-M2AE: 400 epochs, of which 300 are trained).
    """

    def __init__(self, end: float = 0.0, rebase: bool = True, length: float | None = None, **common):
        super().__init__(**common)
        self.end = end
        self.offset = self.warmup if rebase else 0
        if length is not None:
            self.total = round(length * self.per_epoch) if self.by_epoch else int(length)
            if self.total <= self.offset:
                raise ConfigError(f'param_scheduler.length is {length}; it must be longer than the warm-up')

    def decay(self, update):
        done = (update - self.offset) / (self.total - self.offset)
        return self.end + (1 - self.end) * 0.5 * (1 + math.cos(math.pi * min(done, 1)))


@PARAM_SCHEDULERS.register_module()
class WarmupSteps(Schedule):
    """Constant, multiplied by `factor` at each of the `milestones` (epochs, or updates if `by_epoch` is False)."""

    def __init__(self, milestones: list, factor: float = 0.1, **common):
        super().__init__(**common)
        self.factor = factor
        self.milestones = [round(m * self.per_epoch) if self.by_epoch else m for m in milestones]

    def decay(self, update):
        return self.factor ** sum(update >= m for m in self.milestones)


@PARAM_SCHEDULERS.register_module()
class WarmupPoly(Schedule):
    """From 1 to `end` as `(1 - done) ** power`.

    Args:
        power, end: of the decay.
        rebase: True, the decay starts where the warm-up ends (mmengine's PolyLR with `begin`). False, it runs over the
            whole training and the warm-up replaces its beginning (mmcv 1).
    """

    def __init__(self, power: float = 1.0, end: float = 0.0, rebase: bool = True, **common):
        super().__init__(**common)
        self.power, self.end = power, end
        self.offset = self.warmup if rebase else 0

    def decay(self, update):
        done = min((update - self.offset) / (self.total - self.offset), 1)
        return self.end + (1 - self.end) * (1 - done) ** self.power

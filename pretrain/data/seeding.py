"""Random numbers that belong to a sample, not to a process.

Before a sample is made, the global generators of Python, NumPy and torch are set from (seed, epoch, index). Workers,
world size, resume and prefetching then cannot change an augmentation, and no epoch repeats the one before it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from pretrain.data.sampler import SampleKey

_MASK = (1 << 64) - 1


def mix(*values: int) -> int:
    """A 64-bit hash of integers: the splitmix64 finaliser (Steele et al., 2014), chained over the values."""
    state = 0
    for value in values:
        state = (state + (value & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


@contextmanager
def preserved_rng() -> Iterator[None]:
    """The global CPU generators are afterwards what they were before, so that loading never changes training."""
    python, numpy, pytorch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(pytorch)


def seed_rng(seed: int, key: SampleKey) -> None:
    """Set the global CPU generators for one sample; to be called inside `preserved_rng`."""
    value = mix(seed, key.epoch, key.index)
    random.seed(value)
    np.random.seed(value & 0xFFFFFFFF)
    # Not torch.manual_seed, which also visits every accelerator and costs as much as a crop.
    torch.default_generator.manual_seed(value)

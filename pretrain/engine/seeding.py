"""Random numbers that depend on the iteration alone, so that a resumed run draws what the undisturbed one did."""

import random

import numpy as np
import torch


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed Python, NumPy and torch (all devices) for one update on one process."""
    state = np.random.SeedSequence([seed, iteration, rank]).generate_state(2, np.uint64)
    torch.manual_seed(int(state[0] >> np.uint64(1)))
    np.random.seed(int(state[1] % np.uint64(2**32)))
    random.seed(int(state[1]))

"""Torch's random state from a few integers: the same words give the same samples, whatever was sampled before."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

VALIDATION_STREAM = 1 << 30  # of validation: different from all workers' streams and independent of the training


@contextmanager
def seeded(*words: int) -> Iterator[None]:
    """Seed torch inside the block and restore its random state afterwards. Words are not negative."""
    with torch.random.fork_rng():
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]))
        yield

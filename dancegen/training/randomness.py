"""Torch's randomness from a few whole numbers: the same words, the same draws, whatever was drawn before."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

VALIDATION_STREAM = 1 << 30  # of validation: no worker's, and the same whatever was learned before


@contextmanager
def seeded(*words: int) -> Iterator[None]:
    """While the block runs; what it was before comes back afterwards. Words are not negative."""
    with torch.random.fork_rng():
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]))
        yield

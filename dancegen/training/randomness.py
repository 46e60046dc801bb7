"""Random numbers from a few integers: the same words give the same samples, whatever was sampled before."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

VALIDATION_STREAM = 1 << 30  # of validation: different from all updates' and workers' streams


@contextmanager
def seeded(*words: int) -> Iterator[None]:
    """Seed torch inside the block and restore its random state afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(_seed(words))
        yield


def random_of(*words: int) -> torch.Generator:
    """A generator of random numbers that depend only on these words."""
    return torch.Generator().manual_seed(_seed(words))


def _seed(words: tuple[int, ...]) -> int:
    state = np.random.SeedSequence([word % 2**64 for word in words]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))

"""Distances of dances from each other in feature space.

Axes used in shapes:
    N dances    D features
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist

PAIRS, DRAWS = 70, 200  # of the published protocol


def mean_distance(features: Float[np.ndarray, "N D"]) -> float:
    """Mean Euclidean distance over all pairs. Raises ValueError for fewer than two."""
    if len(features) < 2:
        raise ValueError(f"distances need at least two, and there are {len(features)}")
    return float(pdist(np.asarray(features, dtype=np.float64)).mean())


def diversity(features: Float[np.ndarray, "N D"], seed: int, pairs: int = PAIRS, draws: int = DRAWS) -> float:
    """Mean distance of random pairs of different dances, averaged over samples (Ren et al., 2020, section 6.2)."""
    if len(features) < 2:
        raise ValueError(f"distances need at least two, and there are {len(features)}")
    random, features = np.random.default_rng(seed), np.asarray(features, dtype=np.float64)
    one = random.integers(0, len(features), (draws, pairs))
    other = (one + random.integers(1, len(features), (draws, pairs))) % len(features)
    return float(
        np.mean([np.linalg.norm(features[a] - features[b], axis=1).mean() for a, b in zip(one, other, strict=True)])
    )


def multimodality(features: Float[np.ndarray, "N D"], music: list[str]) -> float:
    """Mean distance of dances to the same music, over the pieces with several dances. NaN if there are none."""
    _, of, counts = np.unique(music, return_inverse=True, return_counts=True)
    groups = np.split(np.argsort(of, kind="stable"), np.cumsum(counts)[:-1])
    apart = [mean_distance(features[group]) for group in groups if len(group) > 1]
    return float(np.mean(apart)) if apart else float("nan")

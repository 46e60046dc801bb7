"""Distances of dances from each other in feature space, and whether their styles can be told apart.

Axes used in shapes:
    N, M dances    D features
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist

from dancegen.metrics.frechet import covariance

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


def style_accuracy(
    known: Float[np.ndarray, "N D"], styles: list[str], features: Float[np.ndarray, "M D"], true: list[str]
) -> float:
    """Share of dances whose style is that of the nearest class, by linear discriminant analysis of the known dances.

    The distance is that of Mahalanobis to the mean of each style, with the shrunk covariance within styles. The known
    dances must not be among those that are classified.
    """
    known, features = np.asarray(known, dtype=np.float64), np.asarray(features, dtype=np.float64)
    names, of = np.unique(styles, return_inverse=True)
    means = np.stack([known[of == style].mean(axis=0) for style in range(len(names))])
    inverse = np.linalg.pinv(covariance(known - means[of]))
    away = features[:, None] - means  # (M, styles, D)
    nearest = np.einsum("msd,de,mse->ms", away, inverse, away).argmin(axis=1)
    return float((names[nearest] == np.array(true)).mean())

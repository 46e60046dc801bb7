"""Frechet distance of the normal distributions fitted to two sets of features.

|mu_a - mu_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^1/2). There may be fewer dances than features, so covariances are shrunk
towards a multiple of the identity by the optimal share of Ledoit and Wolf (2004). The trace of the root is the
sum of the singular values of S_a^1/2 S_b^1/2: both roots are of symmetric matrices, so no value becomes complex.

Axes used in shapes:
    N, M dances    D features
"""

import numpy as np
from jaxtyping import Float, Float64


def frechet(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "M D"]) -> float:
    """Squared Frechet distance of two sets of at least two features each: 0 for equal sets, never negative."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a Frechet distance needs at least two of each, and there are {len(a)} and {len(b)}")
    return gaussian_distance(a.mean(axis=0), covariance(a), b.mean(axis=0), covariance(b))


def gaussian_distance(
    mean_a: Float64[np.ndarray, " D"],
    covariance_a: Float64[np.ndarray, "D D"],
    mean_b: Float64[np.ndarray, " D"],
    covariance_b: Float64[np.ndarray, "D D"],
) -> float:
    """Squared Frechet distance of two normal distributions."""
    shared = np.linalg.svd(_root(covariance_a) @ _root(covariance_b), compute_uv=False).sum()
    apart = np.sum((mean_a - mean_b) ** 2) + np.trace(covariance_a) + np.trace(covariance_b) - 2 * shared
    return max(0.0, float(apart))


def covariance(features: Float[np.ndarray, "N D"]) -> Float64[np.ndarray, "D D"]:
    """The covariance (over N, not N - 1), shrunk."""
    centred = np.asarray(features - features.mean(axis=0), dtype=np.float64)
    count, width = centred.shape
    plain = centred.T @ centred / count
    target = np.trace(plain) / width * np.eye(width)
    spread = np.sum((plain - target) ** 2)
    noise = (np.mean(np.sum(centred**2, axis=1) ** 2) - np.sum(plain**2)) / count
    share = min(1.0, max(0.0, noise / spread)) if spread > 0 else 0.0
    return (1 - share) * plain + share * target


def standardized(features: Float[np.ndarray, "M D"], real: Float[np.ndarray, "N D"]) -> Float64[np.ndarray, "M D"]:
    """In standard deviations from the real mean. Missing values are at the mean; constant features keep their unit."""
    real = np.asarray(real, dtype=np.float64)
    known = np.isfinite(real)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, real, 0.0).sum(axis=0) / count
    deviation = np.sqrt(np.where(known, (real - mean) ** 2, 0.0).sum(axis=0) / count)
    scaled = (features - mean) / np.where(deviation > 0, deviation, 1.0)
    return np.where(np.isfinite(features) & known.any(axis=0), scaled, 0.0)


def _root(symmetric: Float64[np.ndarray, "D D"]) -> Float64[np.ndarray, "D D"]:
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T

"""Measures exactly as the literature computes them, to compare with published figures.

They differ from those of `beat` and `frechet`, and so do their names: `published_` stands before them in tables.
Kinematic beats are local minima of the mean joint speed at 60 fps, smoothed by a Gaussian of 5 frames; the Beat
Alignment Score is the mean over the beats of the music, with a sigma of 3 frames (Li et al., "AI Choreographer", ICCV
2021, and Siyao et al., "Bailando", CVPR 2022). The Frechet distance has covariances without shrinkage (Heusel et al.,
NeurIPS 2017). A missing joint is NaN and adds nothing.

Axes used in shapes:
    T poses    J joints    F frames at 60 fps    K kinematic beats    B beats of the music    N, M dances    D features
"""

import numpy as np
from jaxtyping import Float, Float64

from dancegen.metrics.beat import nearest
from dancegen.metrics.frechet import gaussian_distance
from dancegen.pose.kinematic_beats import FPS, NO_BEATS
from dancegen.pose.resample import resample

SMOOTHING_FRAMES = 5
SIGMA_FRAMES = 3


def published_beats(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, " K"]:
    """Times of the kinematic beats in seconds. Dances of another rate are resampled to 60 fps."""
    if len(pose) < 2:
        return NO_BEATS
    from scipy.ndimage import gaussian_filter1d  # late: the imports take seconds
    from scipy.signal import argrelmin

    dense = np.asarray(pose if fps == FPS else _resampled(pose, fps), dtype=np.float64)
    steps = np.linalg.norm(np.diff(dense, axis=0), axis=-1)
    known = np.isfinite(steps)
    speeds = np.where(known, steps, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return argrelmin(gaussian_filter1d(speeds, SMOOTHING_FRAMES))[0] / FPS


def published_alignment(kinematic: Float[np.ndarray, " K"], music: Float[np.ndarray, " B"]) -> float:
    """Beat Alignment Score over the beats of the music: 0 without kinematic beats, NaN without music's."""
    if not len(music):
        return float("nan")
    return float(np.exp(-((nearest(music, kinematic) * FPS) ** 2) / (2 * SIGMA_FRAMES**2)).mean())


def published_frechet(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "M D"]) -> float:
    """Frechet distance with plain covariances (over N - 1). Raises ValueError for fewer than two dances in either.

    With fewer dances than features the covariances are singular, and the distance depends on the numbers of dances.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a Frechet distance needs at least two of each, and there are {len(a)} and {len(b)}")
    covariances = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (a, b))
    one, other = covariances
    return gaussian_distance(a.mean(axis=0), one, b.mean(axis=0), other)


def _resampled(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float[np.ndarray, "F J 2"]:
    return resample(pose, fps, FPS, int((len(pose) - 1) / fps * FPS) + 1)

"""Kinematic beats of a dance: the moments at which the whole body is slowest.

They are the local minima of the joints' mean speed, at 60 fps and smoothed. A joint that is missing (NaN) keeps its
speed, on a straight line over the gap, so that its absence does not cause a beat. If the body holds still, the beat is
the moment at which it comes to rest.

Axes used in shapes:
    T poses    J joints    F frames at 60 fps    K kinematic beats
"""

import numpy as np
from jaxtyping import Float, Float64

from dancegen.pose.resample import resample

FPS = 60.0  # 50 ms are half a pose at 10 fps
SMOOTHING_S = 0.04
STILL = 1e-3  # of the mean speed: smaller differences count as equal
NO_BEATS = np.zeros(0)


def kinematic_beats(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, " K"]:
    """Times of the kinematic beats in seconds; none if the body does not move."""
    moved = body_speed(pose, fps)
    if not len(moved) or moved.max() <= 0:
        return NO_BEATS
    steps = np.round(moved / (STILL * moved.mean()))
    starts = np.flatnonzero(np.diff(steps, prepend=np.nan))  # of runs of equal steps
    runs = steps[starts]
    return starts[1:-1][(runs[1:-1] < runs[:-2]) & (runs[1:-1] < runs[2:])] / FPS


def body_speed(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, " F"]:
    """Mean speed of the joints at 60 fps, smoothed, in units per second. Always missing joints are left out."""
    if len(pose) < 2:
        return NO_BEATS
    frames = int((len(pose) - 1) / fps * FPS) + 1
    from scipy.ndimage import gaussian_filter1d  # late: no training update needs it

    whole = np.isfinite(pose).all(axis=(0, 2))  # separately, for speed: the others are resampled joint by joint
    parts = [resample(pose[:, part], fps, FPS, frames) for part in (whole, ~whole) if part.any()]
    dense = np.concatenate(parts, axis=1).astype(np.float64)
    speeds = np.linalg.norm(np.gradient(dense, axis=0), axis=-1) * FPS
    seen = [_over_gaps(speed) for speed in speeds.T if np.isfinite(speed).any()]
    return gaussian_filter1d(np.mean(seen, axis=0), SMOOTHING_S * FPS) if seen else NO_BEATS


def _over_gaps(speed: Float64[np.ndarray, " F"]) -> Float64[np.ndarray, " F"]:
    known = np.isfinite(speed)
    return speed if known.all() else np.interp(np.arange(len(speed)), np.flatnonzero(known), speed[known])

"""How the energy of a dance develops: decay over a long dance, and movement against the loudness of the music.

Axes used in shapes:
    T poses    J joints    S samples    W windows
"""

import numpy as np
from jaxtyping import Float, Float64

PARTS = 5  # of a dance: the last one is compared with the first one
WINDOW_S = 4.0
FEWEST_WINDOWS = 3
QUIETEST = 1e-10  # of the mean square: -100 dBFS


def retained_speed(pose: Float[np.ndarray, "T J 2"]) -> float:
    """Mean speed of the joints in the last fifth of a dance over that in the first fifth: below 1 it decays.

    NaN if the dance is shorter than five steps, or its first fifth does not move.
    """
    speeds = _speeds(pose)
    part = len(speeds) // PARTS
    first, last = _mean(speeds[:part]), _mean(speeds[len(speeds) - part :])
    return last / first if first > 0 else float("nan")


def loudness_correlation(
    pose: Float[np.ndarray, "T J 2"], fps: float, samples: Float[np.ndarray, " S"], rate: float
) -> float:
    """Spearman correlation of the joints' speed with the level of the music in dB, over windows of four seconds.

    `samples` are mono at `rate` Hz and begin with the dance. NaN with fewer than three windows, or if either is
    constant.
    """
    speeds = _speeds(pose)
    count = int(min(len(speeds) / fps, len(samples) / rate) / WINDOW_S)
    if count < FEWEST_WINDOWS:
        return float("nan")
    moved = np.array([_mean(part) for part in _windows(speeds, fps, count)])
    level = np.array([np.mean(np.square(part, dtype=np.float64)) for part in _windows(samples, rate, count)])
    level = np.log10(np.maximum(level, QUIETEST))
    known = np.isfinite(moved)
    if known.sum() < FEWEST_WINDOWS or np.ptp(moved[known]) == 0 or np.ptp(level[known]) == 0:
        return float("nan")
    from scipy.stats import rankdata  # late: the import takes a second

    return float(np.corrcoef(rankdata(moved[known]), rankdata(level[known]))[0, 1])


def _windows(values: Float[np.ndarray, " N"], rate: float, count: int) -> list[Float[np.ndarray, " _"]]:
    edges = [round(number * WINDOW_S * rate) for number in range(count + 1)]
    return np.split(values[: edges[-1]], edges[1:-1])


def _speeds(pose: Float[np.ndarray, "T J 2"]) -> Float64[np.ndarray, " _"]:
    """Mean speed of the joints at each step, in units per pose; NaN if none is present."""
    steps = np.linalg.norm(np.diff(np.asarray(pose, dtype=np.float64), axis=0), axis=-1)
    known = np.isfinite(steps)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, steps, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _mean(values: Float64[np.ndarray, " N"]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")

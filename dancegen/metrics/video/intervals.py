"""A mean over segments with its bootstrap interval. Frames of one segment are not independent; segments are.

Axes used in shapes:
    S segments    R resamples
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def mean_interval(
    sums: Float[np.ndarray, " S"], counts: Float[np.ndarray, " S"], seed: int, resamples: int
) -> Interval:
    """Sum of the sums divided by the sum of the counts, and its percentile interval over resampled segments.

    Segments without a count are left out. All NaN if none is left; the interval of one segment is its value.
    """
    kept = (counts > 0) & np.isfinite(sums)
    sums, counts = np.asarray(sums[kept], dtype=np.float64), np.asarray(counts[kept], dtype=np.float64)
    if not len(sums):
        return Interval(np.nan, np.nan, np.nan)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    ratios = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975]).tolist()
    return Interval(float(sums.sum() / counts.sum()), low, high)


def difference_interval(
    ours: tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"]],
    theirs: tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"]],
    seed: int,
    resamples: int,
) -> Interval | None:
    """Difference of two such means (sums and counts of the same segments), and its interval.

    The segments are resampled for both together: what makes a segment difficult for both cancels. Segments without a
    count in either are left out; None if none is left.
    """
    kept = (ours[1] > 0) & (theirs[1] > 0)
    if not kept.any():
        return None
    (sums, counts), (other_sums, other_counts) = ([each[kept] for each in pair] for pair in (ours, theirs))
    drawn = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    means, other_means = (
        totals[drawn].sum(axis=1) / items[drawn].sum(axis=1)
        for totals, items in ((sums, counts), (other_sums, other_counts))
    )
    low, high = np.quantile(means - other_means, [0.025, 0.975]).tolist()
    return Interval(float(sums.sum() / counts.sum() - other_sums.sum() / other_counts.sum()), low, high)

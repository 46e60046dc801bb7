"""onset strength and tempo -> beats, by the dynamic programming of Ellis (2007), in numpy.

`librosa.beat.beat_track` returns the same beats (`tests/unit/test_beat_tracking.py` compares them). It is not used here
because numba compiles its loops: 6 s in each new process, 30 s in the first one.

Axes used in shapes:
    H hops    N beats    K hops within one beat on either side
"""

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view

TIGHTNESS = 100.0  # weight of regular tempo against onset strength
SHARPNESS = 32.0  # of the window that sums the onsets near a beat
FIRST_BEAT_SHARE = 0.01  # of the highest score: no first beat is placed below
LAST_BEAT_SHARE = 0.5  # of the median of the path score's peaks: minimum score of the last beat


def track_beats(onsets: Float[np.ndarray, " H"], hops_a_beat: float) -> Int64[np.ndarray, " N"]:
    """Hops of the beats that maximize onset strength and regularity. `onsets` must not all be equal."""
    period = int(np.round(hops_a_beat))
    spread = onsets.std(ddof=1)
    score = _score(onsets / (spread + np.finfo(spread.dtype).tiny), period)
    before, total = _best_paths(score, period)
    beats = _path(before, _last_beat(total))
    heard = np.flatnonzero(score > 0)
    return beats[(beats >= heard[0]) & (beats <= heard[-1])]


def _score(onsets: Float[np.ndarray, " H"], period: int) -> Float64[np.ndarray, " H"]:
    """Onset strength around each hop."""
    window = np.exp(-0.5 * (np.arange(-period, period + 1) * SHARPNESS / period) ** 2)
    around = sliding_window_view(np.pad(onsets.astype(np.float64), period), 2 * period + 1)
    score = np.zeros(len(onsets))
    for offset, weight in enumerate(window):
        score += weight * around[:, 2 * period - offset]
    return score


def _best_paths(
    score: Float64[np.ndarray, " H"], period: int
) -> tuple[Int64[np.ndarray, " H"], Float64[np.ndarray, " H"]]:
    """For each hop, if it is a beat: the previous beat (-1: none), and the cumulative score of all beats up to it.

    A beat is half a period to two periods after the previous one, so half a period of hops is processed at a time.
    """
    nearest, farthest = int(np.round(period / 2)), 2 * period
    gaps = np.arange(nearest, farthest + 1)
    penalties = TIGHTNESS * (np.log(gaps) - np.log(period)) ** 2
    total = np.full(farthest + len(score), -np.inf)  # no beat is before the first hop
    before = np.empty(len(score), dtype=np.int64)
    for start in range(0, len(score), nearest):
        end = min(start + nearest, len(score))
        earlier = sliding_window_view(total[start : end + farthest - nearest], len(gaps))[:, ::-1]
        candidates = earlier - penalties
        best = candidates.argmax(axis=1)
        gain = candidates[np.arange(len(best)), best]
        found = gain > -np.inf
        before[start:end] = np.where(found, np.arange(start, end) - gaps[best], -1)
        total[farthest + start : farthest + end] = score[start:end] + np.where(found, gain, 0.0)
    before[: int(np.argmax(score >= FIRST_BEAT_SHARE * score.max()))] = -1
    return before, total[farthest:]


def _last_beat(total: Float64[np.ndarray, " H"]) -> int:
    """The last peak that is not far below the others; the last hop if there is none."""
    peaks = np.flatnonzero(_is_peak(total))
    if not len(peaks):
        return len(total) - 1
    high = peaks[total[peaks] >= LAST_BEAT_SHARE * np.median(total[peaks])]
    return int(high[-1]) if len(high) else len(total) - 1


def _is_peak(values: Float64[np.ndarray, " H"]) -> Bool[np.ndarray, " H"]:
    """Whether each value is higher than the previous one and not lower than the next."""
    rises = np.diff(values, prepend=np.inf) > 0
    falls = np.diff(values, append=-np.inf) <= 0
    return rises & falls


def _path(before: Int64[np.ndarray, " H"], last: int) -> Int64[np.ndarray, " N"]:
    beats = [last]
    while (previous := int(before[beats[-1]])) >= 0:
        beats.append(previous)
    return np.array(beats[::-1])

"""activations -> beats: the most likely path over tempo and phase, with rests.

A hidden semi-Markov model: its state is the interval since the previous beat, which changes little from beat to beat
(bar pointer model: Krebs, Böck and Widmer, 2015). It is decoded from beat to beat instead of from frame to frame, so
that numpy can process the shortest interval at a time.

Axes used in shapes:
    F frames of activations    H hops    E edges of hops, H + 1    N beats    D intervals
"""

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, UInt8

from dancegen.music.spectrum import HOPS_A_SECOND

SLOWEST_BPM, FASTEST_BPM = 47.0, 215.0
FINENESS = 40  # intervals per factor e: 2.5 % apart, and at least a hop
INTERVALS = np.unique(
    np.round(
        60 * HOPS_A_SECOND / np.geomspace(FASTEST_BPM, SLOWEST_BPM, round(FINENESS * np.log(FASTEST_BPM / SLOWEST_BPM)))
    ).astype(int)
)
TIGHTNESS = 150.0  # cost of a change of interval: times the squared logarithm of the ratio
JUMP = 7.0  # highest cost of a change: another song may begin
FAST_BPM, FAST_COST = 50.0, 0.6  # cost of each beat of a faster tempo: times its distance in octaves
START = 6.0  # cost of the first beat after a rest: isolated onsets are no beats
BIAS, LOWEST, HIGHEST = 2.25, -5.0, 4.0  # added to the logits, as beats are rare; limits of one beat's evidence
REST_HOPS = int(INTERVALS[-1])  # shortest rest
REFINED_S = 0.035  # around a beat: activations whose centre of mass is its time
REST = 255  # in the table of predecessors

_FAST = FAST_COST * np.maximum(0, np.log2(60 * HOPS_A_SECOND / INTERVALS / FAST_BPM)).astype(np.float32)  # (D)
_CHANGES = np.minimum(TIGHTNESS * np.log(INTERVALS[:, None] / INTERVALS) ** 2, JUMP).astype(np.float32)  # (to, from)


def beat_path(logits: Float[np.ndarray, " F"], frames_a_second: float) -> Float64[np.ndarray, " N"]:
    """Times of the beats in seconds."""
    if len(logits) < 2:
        return np.zeros(0)
    hops = np.arange(int(len(logits) * HOPS_A_SECOND / frames_a_second))
    evidence = np.interp(hops * (frames_a_second / HOPS_A_SECOND), np.arange(len(logits)), logits)
    evidence = np.clip(evidence + BIAS, LOWEST, HIGHEST).astype(np.float32)
    beats = _backwards(*_forwards(evidence))
    return _refined(beats / HOPS_A_SECOND, logits, frames_a_second)


def _forwards(
    evidence: Float32[np.ndarray, " H"],
) -> tuple[UInt8[np.ndarray, "H D"], Int64[np.ndarray, " E"], Int64[np.ndarray, " E"]]:
    """The best predecessor of each state, and for each hop the last beat before it and that beat's interval.

    A state is a beat at a hop after an interval; its predecessor is the number of the interval before it, or REST.
    """
    hops, block = len(evidence), int(INTERVALS[0])
    recent = int(INTERVALS[-1]) + block  # hops in the two tables that are read again; rows are used in turn
    gains = np.full((recent, len(INTERVALS)), -np.inf, np.float32)  # best score up to the beat before a state
    before = np.full((recent, len(INTERVALS)), REST, np.uint8)
    chosen = np.full((hops, len(INTERVALS)), REST, np.uint8)
    rest, last, how = np.zeros(hops + 1, np.float32), np.full(hops + 1, -1), np.zeros(hops + 1, dtype=np.int64)
    columns = np.arange(len(INTERVALS))
    for start in range(0, hops, block):
        now = np.arange(start, min(start + block, hops))
        earlier = (now[:, None] - INTERVALS) % recent
        gain, source = gains[earlier, columns], before[earlier, columns]
        score = evidence[now, None] + gain - _FAST
        chosen[now] = source
        best = score.argmax(axis=1)
        _rest(now, score[np.arange(len(now)), best], best, rest, last, how)
        first = evidence[now] + rest[np.maximum(now - REST_HOPS, 0)] - START
        following = score[:, None, :] - _CHANGES
        kind = following.argmax(axis=2)
        value = np.take_along_axis(following, kind[..., None], axis=2)[..., 0]
        fresh = first[:, None] > value
        gains[now % recent] = np.where(fresh, first[:, None], value)
        before[now % recent] = np.where(fresh, REST, kind)
    return chosen, last, how


def _rest(
    now: np.ndarray, score: np.ndarray, kind: np.ndarray, rest: np.ndarray, last: np.ndarray, how: np.ndarray
) -> None:
    """Update the best score of resting after each hop, and the last beat of that path."""
    for hop, value, number in zip(now, score, kind, strict=True):
        if value > rest[hop]:
            rest[hop + 1], last[hop + 1], how[hop + 1] = value, hop, number
        else:
            rest[hop + 1], last[hop + 1], how[hop + 1] = rest[hop], last[hop], how[hop]


def _backwards(
    chosen: UInt8[np.ndarray, "H D"], last: Int64[np.ndarray, " _"], how: Int64[np.ndarray, " _"]
) -> Int64[np.ndarray, " N"]:
    """Hops of the beats of the best path."""
    beats, at, kind = [], int(last[-1]), int(how[-1])
    while at >= 0:
        beats.append(at)
        if kind == REST:  # the first beat after a rest
            rested = max(at - REST_HOPS, 0)
            at, kind = int(last[rested]), int(how[rested])
        else:
            at, kind = at - int(INTERVALS[kind]), int(chosen[at, kind])
    return np.array(beats[::-1], dtype=np.int64)


def _refined(
    beats_s: Float[np.ndarray, " N"], logits: Float[np.ndarray, " F"], frames_a_second: float
) -> Float64[np.ndarray, " N"]:
    """Each beat moved to the centre of mass of the activations around it."""
    frames = np.round(beats_s * frames_a_second).astype(int)[:, None] + np.arange(-3, 4)
    weights = 1 / (1 + np.exp(-logits[np.clip(frames, 0, len(logits) - 1)]))
    far = np.abs(frames / frames_a_second - beats_s[:, None])
    weights *= np.maximum(0, 1 - far / REFINED_S) * (frames >= 0) * (frames < len(logits))
    total = weights.sum(axis=1)
    moved = (weights * frames).sum(axis=1) / np.maximum(total, 1e-9) / frames_a_second
    return np.maximum.accumulate(np.where(total > 1e-3, moved, beats_s))

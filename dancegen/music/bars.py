"""beats -> bars and phrases.

A bar has two, three or four beats; the most likely bars are a path through the downbeat activations of all beats, on
which the metre rarely changes. A phrase has eight bars or fewer: it starts where the spectrum of the following bars
differs most from that of the preceding ones; lengths of eight and four bars are preferred, as in music.

Axes used in shapes:
    H hops of audio    M mel bands    N beats    B bars    P positions in the bars of all metres
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

METERS = (4, 3, 2)  # beats of a bar
BIAS, STRONGEST = 1.5, 3.0  # added to the downbeat logits, as downbeats are rare; limit of one beat's evidence
NEW_METER, BROKEN_BAR = 6.0, 8.0  # costs of another metre after a whole bar, and of a bar that is cut short
BINARY_PAIR = 2.0  # cost of a bar of two beats, unless each beat divides into three
THREE = 0.3  # cost of a bar of three beats: where no downbeat is heard, more bars must not win

PHRASE_BARS = 8
COMPARED_BARS = 3  # before and after a bar, compared to detect the start of a phrase
USUAL_BARS, SHORTEST_BARS = (4, 8), 3
UNUSUAL, SHORT = 0.8, 2.3  # penalties of other lengths and of very short ones, in standard deviations of the change

Bands = Float[np.ndarray, "H M"]

_METER = np.array([meter for meter in METERS for _ in range(meter)])  # (P)
_POSITION = np.array([position for meter in METERS for position in range(meter)])  # (P)


class Bars(NamedTuple):
    """For each beat its position in its bar, from 0, and the number of beats of that bar."""

    positions: Int64[np.ndarray, " N"]
    meters: Int64[np.ndarray, " N"]


def find_bars(
    downbeats: Float[np.ndarray, " N"], triple: Float[np.ndarray, " N"], rests: Bool[np.ndarray, " N"]
) -> Bars:
    """The most likely bars, by the Viterbi algorithm.

    `downbeats` are logits, `triple` the probability that the beat divides into three; `rests` is true for the first
    beat after a rest, where any bar may begin.
    """
    if not len(downbeats):
        return Bars(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    first = _POSITION == 0
    evidence = np.clip(downbeats + BIAS, -STRONGEST, STRONGEST)[:, None] * first
    evidence = evidence - BINARY_PAIR * (1 - triple[:, None]) * (first & (_METER == 2))
    evidence = evidence - THREE * (first & (_METER == 3))
    costs = _costs()
    total, before = evidence[0], np.zeros(evidence.shape, dtype=np.int64)
    for beat in range(1, len(evidence)):
        reached = total[:, None] - (0.0 if rests[beat] else costs)
        before[beat] = reached.argmax(axis=0)
        total = reached.max(axis=0) + evidence[beat]
    path = np.zeros(len(evidence), dtype=np.int64)
    path[-1] = total.argmax()
    for beat in range(len(path) - 1, 0, -1):
        path[beat - 1] = before[beat, path[beat]]
    return Bars(_POSITION[path], _METER[path])


def _costs() -> Float[np.ndarray, "P P"]:
    """Cost of each position (column) after each other one (row)."""
    same, whole = _METER[:, None] == _METER, _POSITION == _METER - 1
    costs = np.full(same.shape, BROKEN_BAR)
    costs[whole[:, None] & (_POSITION == 0)] = NEW_METER
    costs[same & ((_POSITION[:, None] + 1) % _METER[:, None] == _POSITION)] = 0.0
    return costs


def phrase_positions(bands: Bands, downbeats: Float[np.ndarray, " B"]) -> Int64[np.ndarray, " B"]:
    """For each bar, its position in its phrase: 0 to 7. `downbeats` are in hops; the last bar ends with the song."""
    edges = [*np.clip(downbeats, 0, len(bands) - 1).astype(int), len(bands)]
    sounds = np.array([bands[start : max(end, start + 1)].mean(axis=0) for start, end in pairwise(edges)])
    starts = _phrase_starts(_changes(sounds))
    numbers = np.arange(len(sounds))
    return numbers - starts[np.searchsorted(starts, numbers, side="right") - 1]


def _changes(sounds: Float[np.ndarray, "B M"]) -> Float[np.ndarray, " B"]:
    """Change of the spectrum at the start of each bar, in standard deviations."""
    found = np.zeros(len(sounds))
    for bar in range(1, len(sounds)):
        before, after = sounds[max(0, bar - COMPARED_BARS) : bar], sounds[bar : bar + COMPARED_BARS]
        found[bar] = np.abs(after.mean(axis=0) - before.mean(axis=0)).mean()
    return _standard(found)


def _phrase_starts(changes: Float[np.ndarray, " B"]) -> Int64[np.ndarray, " phrases"]:
    """First bars of the phrases that maximize the sum of changes, by dynamic programming over the bars."""
    bars = len(changes)
    best, before = np.zeros(bars + 1), np.zeros(bars + 1, dtype=np.int64)
    for end in range(1, bars + 1):
        starts = np.arange(max(0, end - PHRASE_BARS), end)
        inner = starts > 0  # the first phrase may be truncated by the start of the song, the last one by its end
        costs = np.array([_cost(end - int(start)) for start in starts]) * (inner & (end < bars))
        gains = best[starts] + np.where(inner, changes[starts], 0) - costs
        best[end], before[end] = gains.max(), starts[gains.argmax()]
    found, at = [], bars
    while at > 0:
        at = int(before[at])
        found.append(at)
    return np.array(found[::-1] or [0])


def _cost(bars: int) -> float:
    if bars in USUAL_BARS:
        return 0.0
    return SHORT if bars < SHORTEST_BARS else UNUSUAL


def _standard(values: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    return (values - values.mean()) / max(float(values.std()), 1e-6)

"""beats -> bars and phrases.

A bar has three or four beats. The downbeat is the beat where most bass enters and the spectrum changes most, over the
whole song. A phrase has eight bars or fewer: it starts where the spectrum of the following bars differs most from that
of the preceding ones; lengths of eight and four bars are preferred, as in music. On the corpus's songs, with known
ground truth, the downbeat is correct in all, and four fifths of the bars are in the correct quarter of their phrase.

Axes used in shapes:
    H hops of audio    M mel bands    N beats    B bars
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64

METERS = (4, 3)  # beats of a bar
WALTZ = 1.5  # required ratio of the evidence for three beats to that for four
BASS_BANDS = 4  # the lowest four mel bands reach to about 190 Hz
NEAR_HOPS = 5  # around a beat: window for the entry of the bass

PHRASE_BARS = 8
COMPARED_BARS = 3  # before and after a bar, compared to detect the start of a phrase
USUAL_BARS, SHORTEST_BARS = (4, 8), 3
UNUSUAL, SHORT = 0.8, 2.3  # penalties of other lengths and of very short ones, in standard deviations of the change

Bands = Float[np.ndarray, "H M"]


class Bars(NamedTuple):
    """Meter of a song: beats per bar, and the first downbeat."""

    beats: int
    """Beats of a bar."""
    first: int
    """Number of the first downbeat."""


def find_bars(bands: Bands, beats: Float[np.ndarray, " N"]) -> Bars:
    """Estimate the meter (three or four) and the first downbeat; `beats` are in hops."""
    evidence = _bar_evidence(bands, beats)
    firsts = {m: max(range(min(m, len(beats))), key=lambda first: evidence[first::m].mean()) for m in METERS}
    four, three = (evidence[firsts[m] :: m].mean() for m in METERS)
    meter = 3 if three > WALTZ * max(four, 0) else 4
    return Bars(meter, firsts[meter])


def phrase_positions(bands: Bands, beats: Float[np.ndarray, " N"], bars: Bars) -> Int64[np.ndarray, " B"]:
    """For each whole bar, its position in its phrase: 0 to 7."""
    edges = [*beats[bars.first :: bars.beats].astype(int), len(bands)]
    sounds = np.array([bands[start:end].mean(axis=0) for start, end in pairwise(edges) if end > start])
    starts = _phrase_starts(_changes(sounds))
    numbers = np.arange(len(sounds))
    return numbers - starts[np.searchsorted(starts, numbers, side="right") - 1]


def _bar_evidence(bands: Bands, beats: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """Downbeat evidence of each beat."""
    hops = beats.astype(int)
    near = [bands[max(0, hop - NEAR_HOPS) : hop + NEAR_HOPS + 1, :BASS_BANDS] for hop in hops]
    bass = np.array([np.maximum(np.diff(part, axis=0), 0).sum() for part in near])
    sounds = [bands[start:end].mean(axis=0) for start, end in pairwise([*hops, len(bands)]) if end > start]
    change = np.zeros(len(hops))
    change[1 : len(sounds)] = [np.abs(after - before).mean() for before, after in pairwise(sounds)]
    return _standard(bass) + _standard(change)


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

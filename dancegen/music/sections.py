"""bars -> sections of a song, with a letter for each kind: A, B, A, ...

Each bar is described by the loudness of the mel bands in its quarters. Sections are runs of similar bars, by dynamic
programming; a section of 4, 8 or 16 bars is preferred. Sections that differ little have the same letter (average
linkage of the distances between their means).

Axes used in shapes:
    H hops of audio    M mel bands    B bars    X features    K sections
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64

from dancegen.music.spectrum import HOPS_A_SECOND

PARTS = 4  # of a bar, described separately
COMPONENTS = 12  # principal components of the features of all bars
LEAST_CHANGE_DB = 0.5  # between bars, per feature: less counts as none
SHORTEST_BARS, LONGEST_BARS = 4, 32
USUAL_BARS = (4, 8, 16)
SECTION_COST, UNUSUAL_COST = 1.5, 1.0  # in mean squared deviations of a bar from the song
SAME = 0.4  # distance of two sections of one kind, in mean distances of a bar from the song


class Section(NamedTuple):
    """A part of a song."""

    start_s: float
    end_s: float
    label: str
    """A letter; sections with the same letter sound alike."""


def find_sections(bands: Float[np.ndarray, "H M"], bar_times_s: Float[np.ndarray, " B"]) -> list[Section]:
    """The sections of a song, from the first bar to the end; none without bars."""
    if not len(bar_times_s):
        return []
    features = _features(bands, bar_times_s)
    starts = _starts(features)
    labels = _labels(features, starts)
    times = [*bar_times_s[starts], len(bands) / HOPS_A_SECOND]
    return [
        Section(float(start), float(end), label) for (start, end), label in zip(pairwise(times), labels, strict=True)
    ]


def _features(bands: Float[np.ndarray, "H M"], bar_times_s: Float[np.ndarray, " B"]) -> Float64[np.ndarray, "B X"]:
    """Principal components of the bars' spectra; the mean squared length over the song is 1."""
    edges = np.append(bar_times_s, len(bands) / HOPS_A_SECOND) * HOPS_A_SECOND
    whole = []
    for start, end in pairwise(edges):
        cuts = np.clip(np.linspace(start, end, PARTS + 1).astype(int), 0, len(bands) - 1)
        whole.append([bands[one : max(other, one + 1)].mean(axis=0) for one, other in pairwise(cuts)])
    flat = np.array(whole, dtype=np.float64).reshape(len(whole), -1)
    flat -= flat.mean(axis=0)
    left, scale, _ = np.linalg.svd(flat, full_matrices=False)
    found = left[:, :COMPONENTS] * scale[:COMPONENTS]
    return found / max(float(np.sqrt((found**2).sum(axis=1).mean())), LEAST_CHANGE_DB * flat.shape[1] ** 0.5)


def _starts(features: Float64[np.ndarray, "B X"]) -> Int64[np.ndarray, " K"]:
    """First bar of each section: least scatter within sections, and costs of their number and lengths."""
    bars = len(features)
    sums = np.concatenate([np.zeros((1, features.shape[1])), np.cumsum(features, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((features**2).sum(axis=1))])
    best, before = np.full(bars + 1, np.inf), np.zeros(bars + 1, dtype=np.int64)
    best[0] = 0.0
    for end in range(1, bars + 1):
        starts = np.arange(max(0, end - LONGEST_BARS), end)
        lengths = end - starts
        scatter = squares[end] - squares[starts] - ((sums[end] - sums[starts]) ** 2).sum(axis=1) / lengths
        inner = (starts > 0) & (end < bars)
        unusual = np.where(
            lengths < SHORTEST_BARS, 2 * UNUSUAL_COST, np.where(np.isin(lengths, USUAL_BARS), 0, UNUSUAL_COST)
        )
        costs = best[starts] + scatter + SECTION_COST + np.where(inner, unusual, 0.0)
        best[end], before[end] = costs.min(), starts[costs.argmin()]
    found, at = [], bars
    while at > 0:
        at = int(before[at])
        found.append(at)
    return np.array(found[::-1])


def _labels(features: Float64[np.ndarray, "B X"], starts: Int64[np.ndarray, " K"]) -> list[str]:
    """Letters in order of appearance."""
    means = np.array([part.mean(axis=0) for part in np.split(features, starts[1:])])
    groups = np.ones(len(means), dtype=int)
    if len(means) > 1:
        from scipy.cluster.hierarchy import fcluster, linkage  # late: the import takes half a second

        groups = fcluster(linkage(means, "average"), SAME, "distance")
    order = list(dict.fromkeys(groups.tolist()))
    return [_letter(order.index(group)) for group in groups.tolist()]


def _letter(number: int) -> str:
    return chr(ord("A") + number % 26) + ("" if number < 26 else str(number // 26))

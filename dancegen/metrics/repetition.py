"""Repetition in a dance: loops, and whether phrases of the music that come again are danced alike.

Joints are taken relative to the middle of the hips, so that travelling does not count. The distance of two parts of a
dance is the mean squared distance of their poses over twice the variance of all poses: 0 for the same moves, about 1
for unrelated ones. A missing joint counts as being at its mean.

Axes used in shapes:
    T poses    C coordinates, 2 per joint    P moments of a phrase
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64
from numpy.lib.stride_tricks import sliding_window_view

from dancegen.skeleton import COCO18

WINDOW_S = 4.0
SHORTEST_LOOP_S = 1.0
SAME = 0.1
"""Distance below which a window repeats an earlier one; distinct moves of real dancers are at 0.3 to 0.8."""
MOMENTS = 64  # of a phrase, at which poses are compared


class Phrase(NamedTuple):
    """A phrase of the music. Phrases with the same label have the same music."""

    start_s: float
    end_s: float
    label: str


class PhraseSimilarity(NamedTuple):
    """Mean of 1 minus the distance over pairs of phrases; NaN without such pairs."""

    repeated: float
    """Pairs with the same music."""
    other: float
    """Pairs with different music."""


def loop_share(pose: Float[np.ndarray, "T J 2"], fps: float, phrase_s: float) -> float:
    """Share of the windows of WINDOW_S that repeat one from SHORTEST_LOOP_S to `phrase_s` - SHORTEST_LOOP_S before.

    1 for a dance that holds still, NaN for one that is shorter than a window and the shortest loop.
    """
    poses = _relative(pose)
    spread = 2 * poses.var(axis=0).sum()
    frames, shortest = round(WINDOW_S * fps), max(1, round(SHORTEST_LOOP_S * fps))
    if len(poses) < frames + shortest:
        return float("nan")
    if spread <= 0:
        return 1.0
    nearest = np.full(len(poses) - frames + 1, np.inf)  # by the first pose of the window
    for lag in range(shortest, min(round(phrase_s * fps) - shortest + 1, len(poses) - frames + 1)):
        apart = ((poses[lag:] - poses[:-lag]) ** 2).sum(axis=1) / spread
        nearest[lag:] = np.minimum(nearest[lag:], sliding_window_view(apart, frames).mean(axis=1))
    return float((nearest[shortest:] < SAME).mean())


def phrase_similarity(pose: Float[np.ndarray, "T J 2"], fps: float, phrases: Sequence[Phrase]) -> PhraseSimilarity:
    """How alike phrases with the same music are danced, and phrases with different music."""
    poses = _relative(pose)
    spread = 2 * poses.var(axis=0).sum()
    danced = [_moments(poses, fps, phrase) for phrase in phrases]
    same: list[float] = []
    other: list[float] = []
    for one, two in combinations(range(len(phrases)), 2):
        apart = ((danced[one] - danced[two]) ** 2).sum(axis=1).mean() / spread if spread > 0 else 0.0
        (same if phrases[one].label == phrases[two].label else other).append(1 - apart)
    return PhraseSimilarity(*(float(np.mean(values)) if values else float("nan") for values in (same, other)))


def _moments(poses: Float64[np.ndarray, "T C"], fps: float, phrase: Phrase) -> Float64[np.ndarray, "P C"]:
    """The poses at evenly spaced moments of a phrase."""
    at = np.linspace(phrase.start_s, phrase.end_s, MOMENTS, endpoint=False) * fps
    return np.stack([np.interp(at, np.arange(len(poses)), values) for values in poses.T], axis=1)


def _relative(pose: Float[np.ndarray, "T J 2"]) -> Float64[np.ndarray, "T C"]:
    """Joints relative to the middle of the hips, minus their means."""
    pose = np.asarray(pose, dtype=np.float64)
    poses = (pose - pose[:, COCO18.indices("left_hip", "right_hip")].mean(axis=1, keepdims=True)).reshape(len(pose), -1)
    known = np.isfinite(poses)
    means = np.where(known, poses, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, poses - means, 0.0)

"""Alignment of a dance's kinematic beats with the beats of its music.

Beat Alignment Score: mean of exp(-d^2 / 2 sigma^2), d seconds to the nearest beat of the other kind. Motion side: the
mean over kinematic beats. Music side: over the music's beats. Both require a control: the same dance with
other beats.

Axes used in shapes:
    K kinematic beats    N beats of the music
"""

import numpy as np
from jaxtyping import Float, Float64

from dancegen.pose.kinematic_beats import NO_BEATS

SIGMA_S = 0.05
HIT_S = 0.07  # a beat within this distance is a hit


def terms(kinematic: Float[np.ndarray, " K"], music: Float[np.ndarray, " N"]) -> dict[str, tuple[float, int]]:
    """Numerator and denominator of each score of one dance, so that they can be summed over dances.

    beat_alignment         Beat Alignment Score over the dance's beats
    beat_alignment_music   the same over the music's beats
    beat_hit_rate          share of the dance's beats that are within HIT_S of a beat of the music
    beat_coverage          kinematic beats per beat of the music

    If the music has no beats, the dance's beats do not count.
    """
    mine = kinematic if len(music) else NO_BEATS
    return {
        "beat_alignment": (float(closeness(mine, music).sum()), len(mine)),
        "beat_alignment_music": (float(closeness(music, mine).sum()), len(music)),
        "beat_hit_rate": (float((nearest(mine, music) <= HIT_S).sum()), len(mine)),
        "beat_coverage": (float(len(mine)), len(music)),
    }


def scores(kinematic: Float[np.ndarray, " K"], music: Float[np.ndarray, " N"]) -> dict[str, float]:
    """The scores of one dance (see `terms`); 0 without beats."""
    return {name: above / below if below else 0.0 for name, (above, below) in terms(kinematic, music).items()}


def half_a_beat_later(music: Float[np.ndarray, " N"]) -> Float64[np.ndarray, " N"]:
    """The control: beats in the middle between the music's."""
    if len(music) < 2:
        return NO_BEATS
    periods = np.diff(music)
    return np.asarray(music + np.append(periods, periods[-1]) / 2, dtype=np.float64)


def closeness(beats: Float[np.ndarray, " K"], others: Float[np.ndarray, " N"]) -> Float64[np.ndarray, " K"]:
    """Closeness of each beat to the nearest other one: 1 on it, 0.61 at 50 ms, 0 if there is none."""
    return np.exp(-(nearest(beats, others) ** 2) / (2 * SIGMA_S**2))


def nearest(beats: Float[np.ndarray, " K"], others: Float[np.ndarray, " N"]) -> Float64[np.ndarray, " K"]:
    """Seconds from each beat to the nearest other one; infinite if there is none."""
    if not len(others):
        return np.full(len(beats), np.inf)
    return np.abs(np.subtract.outer(np.asarray(beats, dtype=np.float64), others)).min(axis=1)

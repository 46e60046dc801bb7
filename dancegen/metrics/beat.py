"""Alignment of a dance's kinematic beats with the beats of its music.

A kinematic beat is a moment at which the whole body is slowest: a local minimum of the joints' mean speed, at 60 fps
and smoothed. A joint that is missing (NaN) keeps its speed, on a straight line over the gap, so that its absence
does not cause a beat. If the body holds still, the beat is the moment at which it comes to rest.

Beat Alignment Score: mean of exp(-d^2 / 2 sigma^2), d seconds to the nearest beat of the other kind. Motion side: the
mean over kinematic beats. Music side: over the music's beats. Both require a control: the same dance with
other beats.

Axes used in shapes:
    T poses    J joints    F frames at 60 fps    K kinematic beats    N beats of the music
"""

import numpy as np
from jaxtyping import Float, Float64

from dancegen.pose.resample import resample

FPS = 60.0  # 50 ms are half a pose at 10 fps
SIGMA_S = 0.05
SMOOTHING_S = 0.04
STILL = 1e-3  # of the mean speed: smaller differences count as equal
HIT_S = 0.07  # a beat within this distance is a hit
NO_BEATS = np.zeros(0)


def kinematic_beats(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, " K"]:
    """Times of the kinematic beats in seconds; none if the body does not move."""
    moved = body_speed(pose, fps)
    if not len(moved) or moved.max() <= 0:
        return NO_BEATS
    from scipy.signal import find_peaks  # late import: it takes seconds, and no training update needs it

    steps = np.round(moved / (STILL * moved.mean()))
    _, found = find_peaks(-steps, plateau_size=1)
    return found["left_edges"] / FPS


def body_speed(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, " F"]:
    """Mean speed of the joints at 60 fps, smoothed, in units per second. Always missing joints are left out."""
    if len(pose) < 2:
        return NO_BEATS
    frames = int((len(pose) - 1) / fps * FPS) + 1
    from scipy.ndimage import gaussian_filter1d

    whole = np.isfinite(pose).all(axis=(0, 2))  # separately, for speed: the others are resampled joint by joint
    parts = [resample(pose[:, part], fps, FPS, frames) for part in (whole, ~whole) if part.any()]
    dense = np.concatenate(parts, axis=1).astype(np.float64)
    speeds = np.linalg.norm(np.gradient(dense, axis=0), axis=-1) * FPS
    seen = [_over_gaps(speed) for speed in speeds.T if np.isfinite(speed).any()]
    return gaussian_filter1d(np.mean(seen, axis=0), SMOOTHING_S * FPS) if seen else NO_BEATS


def beats_of_phase(
    sine: Float[np.ndarray, " T"], cosine: Float[np.ndarray, " T"], fps: float
) -> Float64[np.ndarray, " N"]:
    """Times of the beats in seconds, from the phase at each pose; one is before the first pose, and one after the last.

    None if the phase is unknown (sine and cosine 0).
    """
    known = np.hypot(sine, cosine) > 0
    if len(known) < 2 or not known.all():
        return NO_BEATS
    number = np.unwrap(np.arctan2(sine, cosine).astype(np.float64)) / (2 * np.pi)
    step = np.diff(number)
    at = np.flatnonzero(np.floor(number[1:]) > np.floor(number[:-1]))
    inside = at + (np.floor(number[at + 1]) - number[at]) / step[at]
    a_pose = max(float(np.median(step)), 1e-6)
    before = -(number[0] - np.floor(number[0])) / a_pose
    after = len(number) - 1 + (np.floor(number[-1]) + 1 - number[-1]) / a_pose
    return np.concatenate([[before], inside, [after]]) / fps


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


def _over_gaps(speed: Float64[np.ndarray, " F"]) -> Float64[np.ndarray, " F"]:
    known = np.isfinite(speed)
    return speed if known.all() else np.interp(np.arange(len(speed)), np.flatnonzero(known), speed[known])

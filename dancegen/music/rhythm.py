"""The rhythm channels of a dance model: `beats` computes them, and the times of the beats can be read from them.

Axes used in shapes:
    T poses    R rhythm channels    N beats of the music
"""

import numpy as np
from jaxtyping import Float, Float64

RHYTHM_CHANNELS = ("onset", "beat_sin", "beat_cos", "bar_sin", "bar_cos", "phrase_sin", "phrase_cos")
BEAT_SINE, BEAT_COSINE = (RHYTHM_CHANNELS.index(f"beat_{part}") for part in ("sin", "cos"))


def beats_of_rhythm(rhythm: Float[np.ndarray, "T R"], fps: float) -> Float64[np.ndarray, " N"]:
    """Times of the beats in seconds, from all rhythm channels: see `beats_of_phase`."""
    return beats_of_phase(rhythm[:, BEAT_SINE], rhythm[:, BEAT_COSINE], fps)


def beats_of_phase(
    sine: Float[np.ndarray, " T"], cosine: Float[np.ndarray, " T"], fps: float
) -> Float64[np.ndarray, " N"]:
    """Times of the beats in seconds, from the phase at each pose; one is before the first pose, and one after the last.

    None if the phase is unknown (sine and cosine 0).
    """
    known = np.hypot(sine, cosine) > 0
    if len(known) < 2 or not known.all():
        return np.zeros(0)
    number = np.unwrap(np.arctan2(sine, cosine).astype(np.float64)) / (2 * np.pi)
    step = np.diff(number)
    at = np.flatnonzero(np.floor(number[1:]) > np.floor(number[:-1]))
    inside = at + (np.floor(number[at + 1]) - number[at]) / step[at]
    a_pose = max(float(np.median(step)), 1e-6)
    before = -(number[0] - np.floor(number[0])) / a_pose
    after = len(number) - 1 + (np.floor(number[-1]) + 1 - number[-1]) / a_pose
    return np.concatenate([[before], inside, [after]]) / fps

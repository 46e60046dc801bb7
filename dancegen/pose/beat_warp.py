"""Moves the kinematic beats of a dance onto the beats of its music, by a change of its time.

Beat warping: Lee et al., "Dancing to Music" (NeurIPS 2019). Poses are not changed, only the times at which they come,
by less than a beat and with no jump.

Axes used in shapes:
    T poses    J joints    N beats of the music    K kinematic beats    A anchors
"""

import numpy as np
from jaxtyping import Float, Float32, Float64

from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.pose.resample import at_poses

SHORTEST_S = 0.15  # between two anchors
SLOWEST, FASTEST = 0.5, 2.0  # speed of the time between two anchors


def on_the_beat(
    pose: Float32[np.ndarray, "T J 2"],
    fps: float,
    beats_s: Float[np.ndarray, " N"],
    most_s: float,
    first: int | None = None,
    last: int | None = None,
) -> Float32[np.ndarray, "T J 2"]:
    """The dance, with its kinematic beats within `most_s` seconds of a beat on that beat.

    With `first` and `last`, only poses after the one and before the other are changed.
    """
    first = 0 if first is None else first
    end = len(pose) - 1 if last is None else min(last, len(pose) - 1)
    beats, rests = anchors(beats_s, kinematic_beats(pose, fps), (first / fps, end / fps), most_s)
    if len(beats) < 3:  # the ends alone
        return pose
    from scipy.interpolate import PchipInterpolator  # late: training steps do not need it

    warped = pose.copy()
    times = PchipInterpolator(beats, rests)(np.arange(first + 1, end) / fps)
    warped[first + 1 : end] = at_poses(pose, times * fps)
    return warped


def anchors(
    beats_s: Float[np.ndarray, " N"], rests_s: Float[np.ndarray, " K"], ends_s: tuple[float, float], most_s: float
) -> tuple[Float64[np.ndarray, " A"], Float64[np.ndarray, " A"]]:
    """Times, and the times in the dance that move there: both ends, and between them beats and their nearest rests."""
    start, end = ends_s
    found = [(start, start)]
    for beat in map(float, beats_s[(beats_s > start) & (beats_s < end)] if len(rests_s) else ()):
        rest = float(rests_s[np.abs(rests_s - beat).argmin()])
        if abs(rest - beat) <= most_s and _possible(found[-1], (beat, rest)) and _possible((beat, rest), (end, end)):
            found.append((beat, rest))
    beats, rests = np.array([*found, (end, end)]).T
    return beats, rests


def _possible(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether the dance can go from one anchor to the next."""
    seconds = after[0] - before[0]
    return seconds >= SHORTEST_S and SLOWEST <= (after[1] - before[1]) / seconds <= FASTEST

"""Repairs of tracked joints: a joint that leaps for one frame is dropped, a short gap is filled, a long one stays.

Axes used in shapes:
    T frames    J joints; the last axis is x and y (fractions of the frame) and confidence
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float32

from dancegen import skeleton
from dancegen.skeleton import COCO18

FILLED_CONFIDENCE = 0.1  # a filled joint counts for little wherever confidence weighs
LEAP_TORSOS_A_S = 10.0  # about 5 m/s: a hand that leaves and comes back faster than this within a frame was elsewhere
SETTLED = 0.3  # of the leap: the joint must be back this near to where it was


def reject_leaps(joints: Float[np.ndarray, "T J 3"], fps: float, aspect: float) -> Float32[np.ndarray, "T J 3"]:
    """A copy without the joints that are far from their place for a single frame. `aspect` is width / height."""
    square = joints[..., :2] * (aspect, 1.0)
    torso = torso_length(joints, aspect)
    if len(joints) < 3 or not np.isfinite(torso):
        return skeleton.hide_missing(joints)
    there = np.linalg.norm(square[1:-1] - square[:-2], axis=-1)  # (T-2, J)
    back = np.linalg.norm(square[2:] - square[1:-1], axis=-1)
    apart = np.linalg.norm(square[2:] - square[:-2], axis=-1)
    leap = np.minimum(there, back)  # NaN, so no leap, where one of the three is missing
    cleaned = skeleton.hide_missing(joints)
    cleaned[1:-1][(leap > LEAP_TORSOS_A_S / fps * torso) & (apart < SETTLED * leap)] = (np.nan, np.nan, 0.0)
    return cleaned


def fill_gaps(joints: Float[np.ndarray, "T J 3"], fps: float, max_gap_s: float) -> Float32[np.ndarray, "T J 3"]:
    """A copy in which joints missing for at most `max_gap_s` move straight from where last to where next seen."""
    filled = skeleton.hide_missing(joints)
    seen = filled[..., 2] > 0
    frames = np.arange(len(filled))
    for joint in range(filled.shape[1]):
        gaps = _short_gaps(seen[:, joint], round(max_gap_s * fps))
        if gaps.any():
            known = frames[seen[:, joint]]
            for axis in (0, 1):
                filled[gaps, joint, axis] = np.interp(frames[gaps], known, filled[known, joint, axis])
            filled[gaps, joint, 2] = FILLED_CONFIDENCE
    return filled


def torso_length(joints: Float[np.ndarray, "T J 3"], aspect: float) -> float:
    """Median distance from the neck to the middle of the hips, in heights of the frame. NaN when never seen."""
    square = joints[..., :2] * (aspect, 1.0)
    hips = square[:, COCO18.indices("right_hip", "left_hip")].mean(axis=1)
    lengths = np.linalg.norm(square[:, COCO18.index("neck")] - hips, axis=-1)
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    return float(np.median(lengths)) if len(lengths) else float("nan")


def _short_gaps(seen: Bool[np.ndarray, " T"], longest: int) -> Bool[np.ndarray, " T"]:
    """Where a joint is missing for at most so many frames, between two frames in which it was seen."""
    known = np.flatnonzero(seen)
    gaps = np.zeros(len(seen), dtype=bool)
    for before, after in pairwise(known.tolist()):
        if 1 < after - before <= longest + 1:
            gaps[before + 1 : after] = True
    return gaps

"""Accuracy of estimated joints against their true positions.

Joints of both are `(T, J, 3)`: x and y as fractions of the frame, and confidence, 0 if missing. `aspect` is the
frame's width / height: distances are in square units, so neither its size nor its shape matters. A joint whose true
position is unknown is left out everywhere. Lengths are in torsos: the median over the frames of the true distance from
the neck to the middle of the hips, one for the whole dance, because a bent torso appears short.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    K true beats    N found beats
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from dancegen.metrics.beat import nearest
from dancegen.pose.normalize import torso_length
from dancegen.skeleton import COCO18

WITHIN_TORSOS = 0.2
AREA_OF_BOX = 0.53  # share of a person's bounding box that the outline covers: COCO's scale is the outline's area
SIGMAS = {"nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062}
SIGMAS |= {"hip": 0.107, "knee": 0.087, "ankle": 0.089}
SIGMAS |= {"neck": SIGMAS["shoulder"]}  # COCO has no neck: ours is the middle of its shoulders
"""COCO's standard deviation of a joint's annotations, as a share of the square root of the person's area."""

Joints = Float[np.ndarray, "T J 3"]


def pck(found: Joints, true: Joints, aspect: float, within: float = WITHIN_TORSOS) -> float:
    """Percentage of Correct Keypoints (PCK), as a share: joints within `within` torsos of their true position, of all
    with a known true position. A missing joint is wrong (Yang and Ramanan 2013, with the torso as the unit)."""
    apart = distances(found, true, aspect)[_known(true)]
    return _mean(np.less_equal(apart, within))


def missing_share(found: Joints, true: Joints) -> float:
    """Share of missing joints among those with a known true position. PCK counts them as wrong."""
    return _mean((~_known(found))[_known(true)])


def oks(found: Joints, true: Joints, aspect: float) -> float:
    """Object Keypoint Similarity, mean over frames: in each, the mean over joints of exp(-d^2 / (2 s^2 k^2)).

    k is twice COCO's sigma of the joint (that of the shoulders for the neck) and s^2 the person's area, taken as 0.53
    of the box around the true joints. A missing joint is 0. NaN if no frame has a true box with an area.
    """
    known = _known(true)
    square = true[..., :2] * (aspect, 1.0)
    apart = np.linalg.norm(found[..., :2] * (aspect, 1.0) - square, axis=-1)
    there = known[..., None]
    far, near = np.where(there, square, -np.inf).max(axis=1), np.where(there, square, np.inf).min(axis=1)
    sides = np.where(there.any(axis=1), far - near, 0.0)
    area = AREA_OF_BOX * sides.prod(axis=-1)
    frames = area > 0
    k = 2 * np.array([SIGMAS[joint.split("_")[-1]] for joint in COCO18.joints])
    likeness = np.exp(-(apart[frames] ** 2) / (2 * area[frames, None] * k**2))
    likeness = np.where(_known(found)[frames], likeness, 0.0)
    return _mean(np.where(known[frames], likeness, 0.0).sum(axis=1) / known[frames].sum(axis=1))


@dataclass(frozen=True)
class Fill:
    """Accuracy of filled-in joints."""

    error: float
    """Mean distance from the true position, in torsos, over the hidden joints that were filled; NaN if none was."""
    share: float
    """Share of the hidden joints that were filled; NaN if none was hidden."""


def fill_error(found: Joints, true: Joints, hidden: Bool[np.ndarray, "T J"], aspect: float) -> Fill:
    """Accuracy over joints hidden on purpose before filling. A joint left missing counts in the share alone."""
    hidden = hidden & _known(true)
    filled = hidden & _known(found)
    return Fill(_mean(distances(found, true, aspect)[filled]), _mean(_known(found)[hidden]))


@dataclass(frozen=True)
class BeatTimes:
    """Timing error of the estimated kinematic beats."""

    error_s: float
    """Mean seconds from a true beat to the nearest estimated one; infinite if there is none, NaN without true beats."""
    within_frame: float
    """Share of the true beats with an estimated one within one frame; NaN without true beats."""


def beat_times(found: Float[np.ndarray, " N"], true: Float[np.ndarray, " K"], fps: float) -> BeatTimes:
    """Both in seconds, as returned by `beat.kinematic_beats`. `fps` is that of the poses and defines a frame."""
    apart = nearest(true, found)
    return BeatTimes(_mean(apart), _mean(np.less_equal(apart, 1 / fps + 1e-9)))


def distances(found: Joints, true: Joints, aspect: float) -> Float64[np.ndarray, "T J"]:
    """Torsos from each joint to its true position; infinite if it is missing, NaN if the true position is unknown."""
    apart = np.asarray(found[..., :2], dtype=np.float64) - np.asarray(true[..., :2], dtype=np.float64)
    torsos = np.linalg.norm(apart * (aspect, 1.0), axis=-1) / torso_length(true, aspect)
    torsos = np.where(_known(found), torsos, np.inf)
    return np.where(_known(true), torsos, np.nan)


def _known(joints: Joints) -> Bool[np.ndarray, "T J"]:
    return np.asarray((joints[..., 2] > 0) & np.isfinite(joints[..., :2]).all(axis=-1))


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if values.size else float("nan")

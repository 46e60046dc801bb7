"""joints as found and as they truly are -> how far apart they are

Joints of both are `(T, J, 3)`: x and y as fractions of the picture, and confidence, 0 where missing. `aspect` is the
picture's width / height: distances are taken in square units, so neither its size nor its shape counts. A joint whose
true place is not known is left out everywhere. Lengths are torsos: the median over the frames of the true distance from
the neck to the middle of the hips, one for the whole dance, because a torso that bows is short.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    K true beats    N found beats
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from dancegen.metrics.beat import nearest
from dancegen.pose.clean import torso_length
from dancegen.skeleton import COCO18

WITHIN_TORSOS = 0.2
AREA_OF_BOX = 0.53  # what a person's outline covers of the box around it: COCO's scale is the outline's area
SIGMAS = {"nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062}
SIGMAS |= {"hip": 0.107, "knee": 0.087, "ankle": 0.089}
SIGMAS |= {"neck": SIGMAS["shoulder"]}  # COCO has no neck: ours is the middle of its shoulders
"""COCO's spread of people who mark a joint, as a share of the root of the person's area."""

Joints = Float[np.ndarray, "T J 3"]


def pck(found: Joints, true: Joints, aspect: float, within: float = WITHIN_TORSOS) -> float:
    """Percentage of Correct Keypoints, as a share: joints found no farther than `within` torsos from their true place,
    of all whose true place is known. A missing one is wrong (Yang and Ramanan 2013, with the torso as the unit)."""
    apart = distances(found, true, aspect)[_known(true)]
    return _mean(np.less_equal(apart, within))


def missing_share(found: Joints, true: Joints) -> float:
    """Share of the joints whose true place is known that are missing: what PCK counts as wrong for that alone."""
    return _mean((~_known(found))[_known(true)])


def oks(found: Joints, true: Joints, aspect: float) -> float:
    """Object Keypoint Similarity, mean over frames: in each, the mean over joints of exp(-d^2 / (2 s^2 k^2)).

    k is twice COCO's sigma of the joint (that of the shoulders for the neck) and s^2 the person's area, taken as 0.53
    of the box around the true joints. A missing joint is 0. NaN without a frame in which a true box has an area.
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
    """How well hidden joints were filled in."""

    error: float
    """Mean distance from the true place, torsos, over the hidden joints that were filled; NaN where none was."""
    share: float
    """Of the hidden joints, how many were filled; NaN where none was hidden."""


def fill_error(found: Joints, true: Joints, hidden: Bool[np.ndarray, "T J"], aspect: float) -> Fill:
    """Of the joints that were hidden on purpose before they were filled. One left missing counts in the share alone."""
    hidden = hidden & _known(true)
    filled = hidden & _known(found)
    return Fill(_mean(distances(found, true, aspect)[filled]), _mean(_known(found)[hidden]))


@dataclass(frozen=True)
class BeatTimes:
    """How far the true kinematic beats are from the found ones."""

    error_s: float
    """Mean seconds to the nearest found beat; infinite where none is found, NaN without true beats."""
    within_frame: float
    """Share of the true beats with a found one no farther than a frame; NaN without true beats."""


def beat_times(found: Float[np.ndarray, " N"], true: Float[np.ndarray, " K"], fps: float) -> BeatTimes:
    """Both in seconds, as `beat.kinematic_beats` gives them. `fps` is that of the poses: it says what a frame is."""
    apart = nearest(true, found)
    return BeatTimes(_mean(apart), _mean(np.less_equal(apart, 1 / fps + 1e-9)))


def distances(found: Joints, true: Joints, aspect: float) -> Float64[np.ndarray, "T J"]:
    """Torsos from each joint to its true place; infinite where it is missing, NaN where its true place is unknown."""
    apart = np.asarray(found[..., :2], dtype=np.float64) - np.asarray(true[..., :2], dtype=np.float64)
    torsos = np.linalg.norm(apart * (aspect, 1.0), axis=-1) / torso_length(true, aspect)
    torsos = np.where(_known(found), torsos, np.inf)
    return np.where(_known(true), torsos, np.nan)


def _known(joints: Joints) -> Bool[np.ndarray, "T J"]:
    return np.asarray((joints[..., 2] > 0) & np.isfinite(joints[..., :2]).all(axis=-1))


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if values.size else float("nan")

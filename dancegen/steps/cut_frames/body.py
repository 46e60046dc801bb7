"""Joints in the crop -> proportions of the body and the line of the floor.

Axes used in shapes:
    T frames    J joints    B bones
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from dancegen.skeleton import COCO18
from dancegen.steps.cut_frames.vision.crop import torsos

QUANTILE = 90  # percent: most poses foreshorten a bone, and the longest lengths are errors of the estimator
ON_FLOOR = 0.08  # of the torso: deviation of an ankle from the floor line while it is on the floor
CANDIDATES = 200
ANKLES = COCO18.indices("right_ankle", "left_ankle")


@dataclass(frozen=True)
class Proportions:
    """Proportions of a body, and its floor."""

    bones: Float[np.ndarray, " B"]  # lengths / torso; NaN for a bone that is never visible
    torso: float  # / height of the crop
    floor_y: float  # / height of the crop; NaN when no ankle is visible


def measure_body(joints: Float[np.ndarray, "T J 3"], aspect: float) -> Proportions:
    """Proportions from joints in fractions of the crop; `aspect` is its width / height."""
    places = np.where(joints[..., 2:] > 0, joints, np.nan).astype(np.float64)
    places[..., 0] *= aspect
    starts, ends = np.array(COCO18.bone_indices).T
    lengths = np.linalg.norm(places[:, starts, :2] - places[:, ends, :2], axis=-1)
    torso = _quantile(torsos(places)[:, None])[0]
    return Proportions(_quantile(lengths) / torso, float(torso), floor_line(places[:, ANKLES, 1], ON_FLOOR * torso))


def floor_line(ankle_y: Float[np.ndarray, "T 2"], tolerance: float) -> float:
    """Height of the floor: the mean of the largest set of lower ankles within the tolerance of one of them.

    This is RANSAC (Fischler and Bolles 1981) of a horizontal line, with evenly chosen instead of random candidates.
    """
    lowest = np.sort(np.fmax.reduce(ankle_y, axis=1))
    lowest = lowest[np.isfinite(lowest)]
    if not len(lowest):
        return float("nan")
    candidates = lowest[np.linspace(0, len(lowest) - 1, min(CANDIDATES, len(lowest))).round().astype(int)]
    first = np.searchsorted(lowest, candidates - tolerance, "left")
    stop = np.searchsorted(lowest, candidates + tolerance, "right")
    best = int((stop - first).argmax())
    return float(lowest[first[best] : stop[best]].mean())


def _quantile(lengths: Float[np.ndarray, "T B"]) -> Float[np.ndarray, " B"]:
    """QUANTILE of each column without its NaNs; NaN for a column without numbers."""
    known = np.isfinite(lengths)
    result = np.full(lengths.shape[1], np.nan)
    for column in np.flatnonzero(known.any(axis=0)):
        result[column] = np.percentile(lengths[known[:, column], column], QUANTILE)
    return result
